package stream

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

// Durability is the best level that the server offers now without being waited for; an operator may change it under
// us. Where CONFIG is forbidden, or unknown as on the embedded server, at most memory is claimed. An error says only
// that Redis could not be asked.
func (s *Stream) Durability(ctx context.Context) (string, error) {
	o, err := s.offered(ctx)
	return o.level, err
}

// Look asks Redis anew how durable it is, and returns what can be promised now. Whoever acknowledges looks once a
// second; an Appender does after each try that failed, so after each reconnect. An error says only that Redis could
// not be asked: then the last promise stands.
func (s *Stream) Look(ctx context.Context) (Promise, error) {
	o, err := s.offered(ctx)
	if err != nil {
		return s.Promised(), err
	}
	p := s.demand.promise(o)
	s.promise.Store(&p)
	return p, nil
}

// Promised is what the last look found.
func (s *Stream) Promised() Promise {
	if p := s.promise.Load(); p != nil {
		return *p
	}
	return Promise{Level: DurabilityMemory}
}

// ConfirmWithin is how long each of n WAITs and WAITAOFs of an append may take.
func (s *Stream) ConfirmWithin(n int) time.Duration { return s.config.confirmWithin(n) }

// checkDurability refuses a Redis that can't give what was asked for.
func (s *Stream) checkDurability(ctx context.Context) error {
	if s.demand == (Demand{}) {
		return nil
	}
	p, err := s.Look(ctx)
	if err == nil && p.Below {
		return fmt.Errorf("%w: %s", ErrDurability, p.Why)
	}
	return err
}

// offered is what Redis offers; on a Cluster what every primary does.
func (s *Stream) offered(ctx context.Context) (offer, error) {
	cluster, ok := s.client.(*redis.ClusterClient)
	if !ok {
		return offerOf(ctx, s.client)
	}
	var mu sync.Mutex
	var all []offer
	err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
		o, err := offerOf(ctx, node)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, o)
		return err
	})
	if err != nil {
		return offer{}, err
	}
	if len(all) == 0 {
		return offer{}, errors.New("asking Redis how durable it is: the Cluster has no nodes")
	}
	o := all[0]
	for _, other := range all[1:] {
		o = o.least(other)
	}
	return o, nil
}

// offerOf asks one server.
func offerOf(ctx context.Context, node redis.Cmdable) (offer, error) {
	v, err := node.ConfigGet(ctx, "*append*").Result()
	if err != nil && !Refused(err) {
		return offer{}, fmt.Errorf("asking Redis how durable it is: %w", err)
	}
	o := persistence(v)
	if err != nil {
		o = offer{level: DurabilityMemory, why: "it does not let us ask (CONFIG GET: " + err.Error() + ")"}
	}
	info := map[string]string{}
	for _, section := range []string{"server", "replication"} {
		text, err := node.Info(ctx, section).Result()
		if err != nil && (!Refused(err) || hasCode(err.Error(), "LOADING")) {
			return offer{}, fmt.Errorf("asking Redis for its replicas: %w", err)
		}
		readInfo(info, text)
	}
	// Under appendfsync no nothing would ever end the waiting.
	o.waitAOF = v["appendonly"] == "yes" && v["appendfsync"] != "no" && atLeast(info["redis_version"], 7, 2)
	o.replicas, _ = strconv.Atoi(info["connected_slaves"])
	if o.level == DurabilityStored && !o.waitAOF {
		o.why += ", and waiting for the disk (WAITAOF) came with Redis 7.2"
	}
	return o, nil
}

// persistence reads the settings of the append-only file.
func persistence(v map[string]string) offer {
	switch {
	case v["appendonly"] != "yes":
		return offer{level: DurabilityMemory, why: "it has no append-only file (appendonly no)"}
	case v["appendfsync"] == "no":
		return offer{level: DurabilityMemory, why: "its append-only file is never fsynced (appendfsync no)"}
	case v["appendfsync"] != "always":
		return offer{level: DurabilityStored, why: "it fsyncs once a second (appendfsync " + v["appendfsync"] + ")"}
	case v["no-appendfsync-on-rewrite"] != "no":
		return offer{level: DurabilityStored, why: "it does not fsync while its file is rewritten (no-appendfsync-on-rewrite yes)"}
	}
	return offer{level: DurabilityFsynced, why: "it has no more by itself"}
}

func readInfo(facts map[string]string, text string) {
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			facts[name] = value
		}
	}
}

// atLeast compares a version like 7.0.15; one that is not told is taken for none.
func atLeast(version string, major, minor int) bool {
	first, rest, _ := strings.Cut(version, ".")
	second, _, _ := strings.Cut(rest, ".")
	a, err := strconv.Atoi(first)
	b, err2 := strconv.Atoi(second)
	return err == nil && err2 == nil && (a > major || a == major && b >= minor)
}
