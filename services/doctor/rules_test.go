package doctor

import (
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
			[]verdict{{"", Warn, []string{"key is wrong"}}}},
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
		{"buffer half full", bufferFullID, spoiled(fill(5000, 0.2)), nil},
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
