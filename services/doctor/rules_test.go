package doctor

import (
	"slices"
	"strings"
	"testing"
	"time"

	"millrace.dev/pkg/stream/ledger"
	"millrace.dev/pkg/stream/survey"
)

// verdict is what a rule says of a subject, and words that its finding must hold.
type verdict struct {
	subject string
	status  Status
	words   []string
}

func TestHealthyIsSilent(t *testing.T) {
	if found := Examine(healthy(), nil); len(found) != 0 {
		t.Errorf("a healthy pipeline has findings: %+v", found)
	}
}

func TestRules(t *testing.T) {
	for _, c := range []struct {
		name string
		id   string
		s    *Snapshot
		want []verdict
	}{
		{"Redis refuses", redisAwayID, spoiled(unreachable(ProbeRedis, FaultRefused, "dial tcp: connection refused")),
			[]verdict{{"", Crit, []string{"refuses connections", "127.0.0.1:6379", "not running", "dial tcp"}}}},
		{"Redis is silent", redisAwayID, spoiled(unreachable(ProbeRedis, FaultTimeout, "i/o timeout")),
			[]verdict{{"", Crit, []string{"does not answer in time", "firewall", "slowlog"}}}},
		{"Redis denies", redisAwayID, spoiled(unreachable(ProbeRedis, FaultDenied, "WRONGPASS")),
			[]verdict{{"", Crit, []string{"denies access", "password", "acl whoami"}}}},
		{"Redis loads", redisAwayID, spoiled(unreachable(ProbeRedis, FaultLoading, "LOADING")),
			[]verdict{{"", Crit, []string{"loading", "restarted"}}}},
		{"Redis is full", redisAwayID, spoiled(unreachable(ProbeRedis, FaultFull, "OOM")),
			[]verdict{{"", Crit, []string{"is full", "maxmemory"}}}},
		{"Redis is a replica", redisAwayID, spoiled(unreachable(ProbeRedis, FaultReadOnly, "READONLY")),
			[]verdict{{"", Crit, []string{"takes no writes", "replica"}}}},
		{"Redis has no address", redisAwayID, spoiled(unreachable(ProbeRedis, FaultName, "no such host")),
			[]verdict{{"", Crit, []string{"no address", "misspelt"}}}},
		{"Redis breaks otherwise", redisAwayID, spoiled(unreachable(ProbeRedis, FaultOther, "EOF")),
			[]verdict{{"", Crit, []string{"can't be talked to", "EOF"}}}},
		{"Redis is slow", redisAwayID, spoiled(func(s *Snapshot) {
			s.Probes[ProbeRedis] = Probe{Target: "127.0.0.1:6379", RoundTrip: 2 * time.Second}
		}), nil},

		{"gateway refuses", gatewayAwayID, spoiled(unreachable(ProbeGateway, FaultRefused, "connection refused")),
			[]verdict{{"", Crit, []string{"no event can be sent", "gateway is not running"}}}},
		{"gateway's name is wrong", gatewayAwayID, spoiled(unreachable(ProbeGateway, FaultName, "no such host")),
			[]verdict{{"", Crit, []string{"misspelt"}}}},
		{"stats refuses", statsAwayID, spoiled(unreachable(ProbeStats, FaultRefused, "connection refused")),
			[]verdict{{"", Warn, []string{"without it", "stats service is not running"}}}},
		{"stats denies", statsAwayID, spoiled(unreachable(ProbeStats, FaultDenied, "Unauthenticated")),
			[]verdict{{"", Warn, []string{"no key is shown", "--key", "scope read", "--internal-key"}}}},
		{"stats is silent", statsAwayID, spoiled(unreachable(ProbeStats, FaultTimeout, "deadline exceeded")),
			[]verdict{{"", Warn, []string{"proxy swallows"}}}},
		{"something else listens", statsAwayID, spoiled(unreachable(ProbeStats, FaultOther, "frame too large")),
			[]verdict{{"", Warn, []string{"frame too large", "would not"}}}},

		{"no worker was started", noWorkerID, spoiled(noLeases, func(s *Snapshot) { s.Instances = []Instance{} }),
			[]verdict{{"", Crit, []string{"10 events wait", "none was started"}}}},
		{"workers crashed", noWorkerID, spoiled(noLeases, workersDown),
			[]verdict{{"", Crit, []string{"10 events wait", "stopped or crashed", "down, reported 30s ago"}}}},
		{"workers hold no lease", noWorkerID, spoiled(noLeases),
			[]verdict{{"", Crit, []string{"2 workers report and can't renew"}}}},
		{"nobody runs a pipeline", noWorkerID, spoiled(func(s *Snapshot) {
			s.Survey.Partitions[0].Groups["orders"] = survey.Group{}
		}), []verdict{{"orders", Crit, []string{"runs the pipeline orders: 0 events wait", "pipelines file"}}}},
		{"one of two workers crashed", noWorkerID, spoiled(func(s *Snapshot) {
			s.Instances[1].Up = false
			s.Survey.Leases = s.Survey.Leases[2:]
		}), nil},

		{"events are lost", unbalancedID, spoiled(account(0, ledger.Account{Processed: 990})),
			[]verdict{{"count", Crit, []string{"10 events are lost", "0: -10", "deleted or trimmed"}}}},
		{"an event is counted twice", unbalancedID, spoiled(account(1, ledger.Account{Processed: 1001})),
			[]verdict{{"count", Crit, []string{"1 event was counted twice", "1: +1", "moved the group back"}}}},
		{"one partition hides the other", unbalancedID, spoiled(account(0, ledger.Account{Processed: 999}), account(1, ledger.Account{Processed: 1001})),
			[]verdict{{"count", Crit, []string{"1 event is lost and 1 event was counted twice", "0: -1, 1: +1"}}}},
		{"replays balance", unbalancedID, spoiled(account(0, ledger.Account{Replayed: 50, Processed: 1050})), nil},
		{"redriven letters balance", unbalancedID, spoiled(account(0, ledger.Account{Redriven: 5, Processed: 1000, Dead: 5})), nil},

		{"lag, handlers busy", lagID, spoiled(figures(6, 100, 4)), []verdict{{"count", Warn, []string{"6.0 s", "grows by 100/s", "busy all the time", "100 % (4 of 4)"}}}},
		{"lag, an emergency", lagID, spoiled(figures(31, 100, 4)), []verdict{{"count", Crit, []string{"31 s"}}}},
		{"lag, being worked off", lagID, spoiled(figures(3000, -100, 1)), []verdict{{"count", Warn, []string{"shrinks by 100/s and is gone in about 600 s", "worked off"}}}},
		{"lag, stays", lagID, spoiled(figures(31, 0, 1)), []verdict{{"count", Crit, []string{"stays as it is", "wait for CPU"}}}},
		{"lag, Redis slow", lagID, spoiled(figures(6, 1, 4), func(s *Snapshot) {
			s.Probes[ProbeRedis] = Probe{RoundTrip: 80 * time.Millisecond}
		}), []verdict{{"count", Warn, []string{"Redis is slow", "80.0 ms", "slowlog"}}}},
		{"lag, a handler hangs", lagID, spoiled(figures(6, 1, 1), func(s *Snapshot) {
			p := s.Pipelines["count"]
			p.OutPerSecond, p.Handlers, p.HandlerP99 = 0, nil, nil
			s.Pipelines["count"] = p
		}), []verdict{{"count", Warn, []string{"hangs", "handlers busy: not known", "handler p99: not known"}}}},
		{"a short lag", lagID, spoiled(figures(4.9, 1000, 4)), nil},

		{"buffer nearly full", bufferFullID, spoiled(fill(8000, 0)), []verdict{{"g1", Warn, []string{"8000 of 10000 events (80 %)", "faster than Redis stores"}}}},
		{"buffer full", bufferFullID, spoiled(fill(9950, 3)), []verdict{{"g1", Crit, []string{"3.0 s a second"}}}},
		{"buffer full for large frames", bufferFullID, spoiled(fill(9100, 2)), []verdict{{"g1", Crit, []string{"9100 of 10000"}}}},
		{"buffer full by bytes", bufferFullID, spoiled(fill(70, 1)), []verdict{{"g1", Warn, []string{"70 of 10000"}}}},
		{"buffer full because nothing may be stored", bufferFullID, spoiled(fill(9990, 3), gate(GateDurability, 2)), []verdict{{"g1", Unknown, nil}}},
		{"buffer half full", bufferFullID, spoiled(fill(5000, 0.2)), nil},
		{"Redis evicts any key", evictsID, spoiled(memory("allkeys-lru", 512<<20)),
			[]verdict{{"", Crit, []string{"allkeys-lru", "64 MiB of 512 MiB are used (12 %)", "whole partition", "noeviction"}}}},
		{"Redis evicts what is kept for a time", evictsID, spoiled(memory("volatile-ttl", 512<<20)),
			[]verdict{{"", Crit, []string{"sessions"}}}},
		{"Redis would evict if it had a maxmemory", evictsID, spoiled(memory("allkeys-random", 0)),
			[]verdict{{"", Warn, []string{"as soon as it has a maxmemory"}}}},
		{"Redis does not tell its policy", evictsID, spoiled(memory("", 512<<20)), nil},
		{"Redis without maxmemory", boundlessID, spoiled(memory("noeviction", 0)),
			[]verdict{{"", Warn, []string{"64 MiB are used", "half of the memory", "512 MiB"}}}},
		{"a Redis that does not tell", boundlessID, spoiled(func(s *Snapshot) { s.Survey.Redis.MaxMemory = nil }), nil},

		{"Redis came back with less", lossID, spoiled(lostAgo(time.Minute)),
			[]verdict{{"", Crit, []string{"without 36 events", "1m0s ago", "0: 15, 1: 21", "2026-03-01T11:59:00Z"}}}},
		{"only one loss is new", lossID, spoiled(lostAgo(time.Hour - time.Second)),
			[]verdict{{"", Crit, []string{"without 21 events", "1: 21"}}}},
		{"a loss of long ago", lossID, spoiled(lostAgo(time.Hour)), nil},

		{"paused", pausedID, spoiled(pausedBy("alice", "a deploy"), gate(GateOperator, 2)),
			[]verdict{{"", Warn, []string{"paused for 12m0s", "1 gateway takes nothing", "alice", "a deploy", "11:48:00", "millrace resume"}}}},
		{"paused without a reason", pausedID, spoiled(pausedBy("", "")),
			[]verdict{{"", Warn, []string{"0 gateways take nothing", "without a name", "gave no reason"}}}},
		{"a pause that Redis has lost", pausedID, spoiled(gate(GateOperator, 2)),
			[]verdict{{"", Warn, []string{"Redis knows of no pause", "first of them: g1"}}}},

		{"slowed by lag", behindID, spoiled(gate(GateAdmission, 1), backlog(5000)),
			[]verdict{{"g1", Warn, []string{"slows what it takes", "5010 events are not processed in the pipeline count", "--slow-lag", "3.0 s old"}}}},
		{"stopped by memory", behindID, spoiled(gate(GateAdmission, 2), backlog(5000), memory("noeviction", 70<<20)),
			[]verdict{{"g1", Crit, []string{"takes nothing", "--stop-memory", "64 MiB of 70 MiB are used (91 %)"}}}},
		{"slowed, and caught up", behindID, spoiled(gate(GateAdmission, 1), account(0, ledger.Account{Processed: 1000})),
			[]verdict{{"g1", Warn, []string{"has caught up"}}}},
		{"slowed without a worker", behindID, spoiled(gate(GateAdmission, 1), noLeases), []verdict{{"", Unknown, nil}}},
		{"less durable than asked for", undurableID, spoiled(gate(GateDurability, 2), durability("stored")),
			[]verdict{{"g1", Crit, []string{"Redis offers stored", "append-only file"}}}},

		{"events are dropped", dropsID, spoiled(dropping(300)),
			[]verdict{{"g1", Crit, []string{"drops 300/s; it stores 5000/s", "drop_oldest", "None of them was acknowledged"}}}},
		{"no room", noRoomID, spoiled(refusing("overloaded", 300)),
			[]verdict{{"g1", Warn, []string{"refuses 300/s", "--buffer-policy=reject", "overloaded: 300/s"}}}},
		{"no way to Redis", noRoomID, spoiled(refusing("unavailable", 300)),
			[]verdict{{"g1", Warn, []string{"can't append to Redis"}}}},
		{"no room because intake is slowed", noRoomID, spoiled(refusing("overloaded", 300), gate(GateAdmission, 1)),
			[]verdict{{"g1", Unknown, nil}}},

		{"limits refuse", overLimitID, spoiled(refusing("rate_limited", 300)),
			[]verdict{{"", Warn, []string{"refuse 300/s and hold back frames at 0.0/s", "5000/s are stored", "millrace limit"}}}},
		{"limits hold back", overLimitID, spoiled(holding(3)), []verdict{{"", Warn, []string{"frames at 3.0/s"}}}},
		{"limits would refuse", overLimitID, spoiled(dryRun(300)),
			[]verdict{{"", Warn, []string{"would refuse 300/s", "only counts"}}}},
		{"two gateways refuse a little each", overLimitID, spoiled(refusing("rate_limited", 0.8), func(s *Snapshot) {
			s.Refusals = append(s.Refusals, Refusals{Instance: "g2", Rejected: map[string]float64{"rate_limited": 0.8}})
		}), []verdict{{"", Warn, []string{"refuse 1.6/s"}}}},

		{"many events are no JSON", faultyID, spoiled(refusing("invalid_json", 300)),
			[]verdict{{"", Warn, []string{"300/s are refused as invalid, 6 % of what comes", "can't be decoded", "debug/rejects"}}}},
		{"many events lack something", faultyID, spoiled(refusing("invalid_event", 300)), []verdict{{"", Warn, []string{"attribute"}}}},
		{"many events are too large", faultyID, spoiled(refusing("too_large", 300)), []verdict{{"", Warn, []string{"--max-event-bytes"}}}},
		{"many arrays are too long", faultyID, spoiled(refusing("too_many_events", 300)), []verdict{{"", Warn, []string{"--max-batch"}}}},
		{"one of a few is invalid", faultyID, spoiled(func(s *Snapshot) {
			s.Refusals[0] = Refusals{Instance: "g1", AcceptedPerSecond: 1, Rejected: map[string]float64{"invalid_event": 0.9}}
		}), nil},

		{"no key", noEntryID, spoiled(refusing("unauthorized", 30)), []verdict{{"", Warn, []string{"30/s requests", "most of them as unauthorized", "revoked", "keys list"}}}},
		{"no scope", noEntryID, spoiled(refusing("forbidden", 30)), []verdict{{"", Warn, []string{"lacks the scope", "keys create"}}}},
		{"no such host", noEntryID, spoiled(refusing("misdirected", 30)), []verdict{{"", Warn, []string{"rebinds DNS", "--hosts"}}}},
		{"no such origin", noEntryID, spoiled(refusing("cross_origin", 30)), []verdict{{"", Warn, []string{"another origin", "--cors-origins"}}}},
		{"control is lost", controlLostID, spoiled(limited, pausedBy("alice", ""), func(s *Snapshot) { s.Control.Lost = true }),
			[]verdict{{"", Crit, []string{"2 keys, 1 limit and a pause", "keys create"}}}},

		{"a buffer without capacity", bufferFullID, spoiled(func(s *Snapshot) { s.Buffers[0] = Buffer{Instance: "g1"} }), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			own := about(c.id, Examine(c.s, nil))
			if len(own) != len(c.want) {
				t.Fatalf("%s: %d findings, want %d: %+v", c.id, len(own), len(c.want), own)
			}
			for i, want := range c.want {
				compare(t, own[i], want)
			}
		})
	}
}

func compare(t *testing.T, f Finding, want verdict) {
	t.Helper()
	if f.Subject != want.subject || f.Status != want.status {
		t.Errorf("%s says %s of %q, want %s of %q", f.ID, f.Status, f.Subject, want.status, want.subject)
	}
	text := f.Symptom + "\n" + f.Cause + "\n" + f.Remedy
	for _, e := range f.Evidence {
		text += "\n" + e.Name + ": " + e.Value
	}
	for _, word := range want.words {
		if !strings.Contains(text, word) {
			t.Errorf("%s does not say %q:\n%s", f.ID, word, text)
		}
	}
}

func noLeases(s *Snapshot) { s.Survey.Leases = nil }

func workersDown(s *Snapshot) {
	for i := range s.Instances {
		if s.Instances[i].Service == "worker" {
			s.Instances[i].Up, s.Instances[i].Reported = false, noon.Add(-30*time.Second)
		}
	}
}

func account(number int, a ledger.Account) func(*Snapshot) {
	return func(s *Snapshot) { s.Survey.Partitions[number] = partition(number, a) }
}

// figures of a backlog of 60,000 events and 4 handlers.
func figures(lagSeconds, growth float64, busy uint64) func(*Snapshot) {
	return func(s *Snapshot) {
		p := s.Pipelines["count"]
		p.LagEvents, p.LagSeconds, p.LagGrowthPerSecond, p.Busy = 60_000, lagSeconds, growth, &busy
		s.Pipelines["count"] = p
	}
}

func fill(size uint64, blocked float64) func(*Snapshot) {
	return func(s *Snapshot) {
		s.Buffers = []Buffer{{Instance: "g1", Size: size, Capacity: 10000, BlockedPerSecond: blocked}}
	}
}

func TestLimitsMoveTheVerdict(t *testing.T) {
	s := spoiled(figures(6, 1, 1))
	for _, c := range []struct {
		limits Limits
		want   Status
	}{
		{nil, Warn},
		{Limits{lagWarn: 7}, OK},
		{Limits{lagCrit: 6}, Crit},
		{Limits{lagWarn: 0, lagCrit: 0}, Crit}, // below the floors: these hold
	} {
		if got := Overall(Examine(s, c.limits)); got != c.want {
			t.Errorf("limits %v: %s, want %s", c.limits, got, c.want)
		}
	}
	if found := Examine(healthy(), Limits{lagWarn: 0, lagCrit: 0}); len(found) != 0 {
		t.Errorf("a limit below its floor raises a healthy pipeline: %+v", found)
	}
}

// What is full, loading or not ours to use can be reached: the title must not send anybody to look for a network.
func TestTitleOfARedisThatAnswers(t *testing.T) {
	for fault, want := range map[Fault]string{
		FaultRefused: "Redis can't be reached", FaultTimeout: "Redis can't be reached",
		FaultFull: "Redis is full", FaultReadOnly: "Redis takes no writes", FaultDenied: "Redis denies access",
		FaultLoading: "Redis is still loading its data",
	} {
		if found := Examine(spoiled(unreachable(ProbeRedis, fault, "x")), nil); found[0].Title != want {
			t.Errorf("%s: %q, want %q", fault, found[0].Title, want)
		}
	}
}

// Every code that a client can be turned away with is found by some rule, and every gate that is shut.
func TestEveryRefusalIsFound(t *testing.T) {
	turned := map[string]func(*Snapshot){"dropped": dropping(50)}
	for _, reason := range slices.Concat(faultyEvents, noEntry, noRoom, []string{"rate_limited"}) {
		turned[reason] = refusing(reason, 60)
	}
	for _, reason := range []string{GateOperator, GateDurability, GateAdmission} {
		turned["gate: "+reason] = gate(reason, gateStopped)
	}
	for what, change := range turned {
		if found := Examine(spoiled(change), nil); len(found) == 0 || !found[0].Status.bad() {
			t.Errorf("%s: %+v", what, found)
		}
	}
}
