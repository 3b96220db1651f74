// Command bench measures the pipeline end to end, through real sockets and a real Redis, beside what Redis itself
// does on the same machine in the same run. A figure without that yardstick says more about the machine than about
// Millrace; so quote the ratios.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"millrace.dev/pkg/lifecycle"
)

// options of a run.
type options struct {
	bin         string
	policies    []string
	duration    time.Duration
	connections int
	idle        int
	pairs       int
	only        string
}

func main() {
	var o options
	policies := flag.String("fsync", "no,everysec,always", "fsync policies: no (no append-only file), everysec, always")
	flag.StringVar(&o.bin, "bin", "../bin", "where the binaries are")
	flag.DurationVar(&o.duration, "duration", 8*time.Second, "length of each throughput and latency run")
	flag.IntVar(&o.connections, "connections", 16, "connections of the throughput runs")
	flag.IntVar(&o.idle, "idle", 10_000, "idle connections of the memory run")
	flag.IntVar(&o.pairs, "pairs", 10, "pairs of runs that compare sessions with anonymous connections")
	flag.StringVar(&o.only, "only", "throughput,latency,idle", "what to measure; sessions is left out, since it takes 40 times --duration")
	flag.Parse()
	o.policies = strings.Split(*policies, ",")
	ctx, stop := lifecycle.Signals(context.Background())
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if err := describeMachine(os.Stdout); err != nil {
		return err
	}
	if strings.Contains(o.only, "idle") {
		fmt.Printf("\n## idle connections\n\n")
		for _, k := range []kind{anonymous, named} {
			if err := measureIdle(ctx, o, k); err != nil {
				return fmt.Errorf("idle %s connections: %w", k, err)
			}
		}
	}
	if o.only == "idle" {
		return nil
	}
	for _, policy := range o.policies {
		if err := measure(ctx, o, policy); err != nil {
			return fmt.Errorf("fsync %s: %w", policy, err)
		}
	}
	return nil
}

// measure runs everything under one fsync policy: what is sensitive to a full disk queue first.
func measure(ctx context.Context, o options, policy string) error {
	p, err := startPipeline(ctx, o.bin, policy)
	if err != nil {
		return err
	}
	defer p.stop()
	fmt.Printf("\n## fsync %s\n\n", policy)
	if strings.Contains(o.only, "latency") {
		if err := measureLatency(ctx, o, p); err != nil {
			return err
		}
	}
	if strings.Contains(o.only, "sessions") {
		if err := measureSessions(ctx, o, p); err != nil {
			return err
		}
	}
	if strings.Contains(o.only, "throughput") {
		return measureThroughput(ctx, o, p)
	}
	return nil
}
