// Package probe takes a snapshot from where the operator stands, when stats, which takes one every second,
// can't be asked. What only stats can measure is missing in it, and so are the verdicts that rest on it.
package probe

import (
	"context"
	"slices"
	"sync"
	"time"

	"millrace.dev/pkg/stream"
	"millrace.dev/services/doctor"
)

// Config says where to look.
type Config struct {
	// Gateway is its HTTP address: http://127.0.0.1:8000.
	Gateway string
	// Key is the API key shown to the gateway; empty: none.
	Key string
	// Stats is where stats answers gRPC, host:port.
	Stats string
	// InternalKey is shown to stats; empty: none.
	InternalKey string
	// Redis is tried if it has a URL; else the gateway's word is taken.
	Redis stream.Config
	// Timeout bounds each attempt to reach something. 0: 3 s.
	Timeout time.Duration
}

func (c Config) timeout() time.Duration {
	if c.Timeout <= 0 {
		return 3 * time.Second
	}
	return c.Timeout
}

// Diagnose asks who knows best: stats through the gateway, stats itself; and when neither answers, it takes a
// snapshot and examines it here. One sample is all there is then, so nothing waits for a second.
func Diagnose(ctx context.Context, c Config) doctor.Diagnosis {
	d, refusal := within(ctx, c, askGateway)
	if refusal == nil {
		return d
	}
	if d, err := within(ctx, c, askStats); err == nil {
		return withGateway(ctx, c, d)
	}
	s := Take(ctx, c)
	if p := doctor.Reached(c.Gateway+"/api/diagnosis", 0, refusal); p.Fault == doctor.FaultDenied {
		s.Probes[doctor.ProbeStats] = p // stats may well be up: it is the gateway that does not let us ask
	}
	return doctor.Conclude(s, doctor.Examine(s, nil))
}

func within(ctx context.Context, c Config, ask func(context.Context, Config) (doctor.Diagnosis, error)) (doctor.Diagnosis, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	return ask(ctx, c)
}

// withGateway adds to what stats found what only we can see. Gateways report to stats, so it does not know of a proxy
// between them and us that is down.
func withGateway(ctx context.Context, c Config, d doctor.Diagnosis) doctor.Diagnosis {
	if slices.ContainsFunc(d.Findings, doctor.Finding.AboutGateway) {
		return d
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	s := &doctor.Snapshot{Probes: map[string]doctor.Probe{doctor.ProbeGateway: lookAtGateway(ctx, c).alive}}
	for _, f := range doctor.Examine(s, nil) {
		if f.AboutGateway() {
			d.Findings = slices.Insert(d.Findings, 0, f)
		}
	}
	d.Status = doctor.Overall(d.Findings)
	return d
}

// Take tries to reach everything at once and returns what came of it.
func Take(ctx context.Context, c Config) *doctor.Snapshot {
	ctx, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	var (
		wg           sync.WaitGroup
		seen         gateway
		stats, redis doctor.Probe
	)
	start := time.Now()
	wg.Go(func() { seen = lookAtGateway(ctx, c) })
	wg.Go(func() { stats = lookAtStats(ctx, c) })
	wg.Go(func() { redis = lookAtRedis(ctx, c) })
	wg.Wait()
	s := &doctor.Snapshot{
		Taken:   start.UTC(),
		Missing: map[doctor.Part]string{},
		Probes:  map[string]doctor.Probe{doctor.ProbeGateway: seen.alive, doctor.ProbeStats: stats},
	}
	for _, part := range []doctor.Part{
		doctor.PartSurvey, doctor.PartFeed, doctor.PartFlow, doctor.PartMemory,
		doctor.PartRefusals, doctor.PartGates, doctor.PartControl,
	} {
		s.Missing[part] = "only stats measures it, and its findings could not be had"
	}
	addRedis(s, c, redis, seen)
	addBuffer(s, seen)
	return s
}

// addRedis takes what was tried here, else what the gateway says of its Redis.
func addRedis(s *doctor.Snapshot, c Config, tried doctor.Probe, seen gateway) {
	switch {
	case c.Redis.URL != "":
		s.Probes[doctor.ProbeRedis] = tried
	case seen.alive.Fault == "":
		s.Probes[doctor.ProbeRedis] = seen.redis
	default:
		s.Missing[doctor.ProbePart(doctor.ProbeRedis)] = "no REDIS_URL was given, and no gateway tells"
	}
}

func addBuffer(s *doctor.Snapshot, seen gateway) {
	if seen.buffer == nil {
		s.Missing[doctor.PartBuffer] = seen.noBuffer
		return
	}
	s.Buffers = []doctor.Buffer{*seen.buffer}
}
