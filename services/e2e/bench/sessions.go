package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// measureSessions compares named sessions with anonymous connections: the same frames from as many connections, through
// the whole pipeline. Pairs are interleaved, and each begins with the other kind than the last: what drifts on a machine,
// and what the first of two runs leaves behind for the second, falls on both.
func measureSessions(ctx context.Context, o options, p *pipeline) error {
	for _, frame := range []int{1, 100} {
		if _, err := p.throughput(ctx, o, load{anonymous, frame}); err != nil { // not counted: everything is cold
			return err
		}
		fmt.Printf("frames of %d, named sessions / anonymous connections:\n", frame)
		var pairs []pair
		for i := range o.pairs {
			one, err := p.pair(ctx, o, frame, i%2 == 1)
			if err != nil {
				return fmt.Errorf("frames of %d: %w", frame, err)
			}
			pairs = append(pairs, one)
			fmt.Printf("  pair %2d: events/s %7.0f / %7.0f = %.3f; CPU %s\n",
				i+1, one.named.rate, one.anonymous.rate, one.rate(), ratios(one.cpu))
		}
		cpu := func(name string) float64 { return median(pairs, func(r pair) float64 { return r.cpu(name) }) }
		fmt.Printf("  median of %d pairs: events/s %.3f; CPU per million events: %s\n", o.pairs, median(pairs, pair.rate), ratios(cpu))
		fmt.Printf("  sessions, CPU s per million events:  %s\n", medianCPU(pairs, func(r pair) throughput { return r.named }))
		fmt.Printf("  anonymous, CPU s per million events: %s\n", medianCPU(pairs, func(r pair) throughput { return r.anonymous }))
	}
	return nil
}

// pair is one run of each kind.
type pair struct{ named, anonymous throughput }

func (p *pipeline) pair(ctx context.Context, o options, frame int, namedFirst bool) (both pair, err error) {
	runs := []struct {
		kind kind
		into *throughput
	}{{anonymous, &both.anonymous}, {named, &both.named}}
	if namedFirst {
		slices.Reverse(runs)
	}
	for _, run := range runs {
		if *run.into, err = p.throughput(ctx, o, load{run.kind, frame}); err != nil {
			return both, fmt.Errorf("%s connections: %w", run.kind, err)
		}
	}
	return both, nil
}

// rate is how much of the events a second are left with sessions.
func (r pair) rate() float64 { return r.named.rate / r.anonymous.rate }

// cpu is how many times as much a process uses for an event.
func (r pair) cpu(name string) float64 { return r.named.cpuOf(name) / r.anonymous.cpuOf(name) }

// ratios is one for each process that works on events.
func ratios(of func(name string) float64) string {
	var parts []string
	for _, name := range processes() {
		if name != "stats" { // it sees figures, not events
			parts = append(parts, fmt.Sprintf("%s %.2fx", name, of(name)))
		}
	}
	return strings.Join(parts, ", ")
}

func medianCPU(pairs []pair, run func(pair) throughput) string {
	var parts []string
	for _, name := range processes() {
		parts = append(parts, fmt.Sprintf("%s %.2f", name, median(pairs, func(r pair) float64 { return run(r).cpuOf(name) })))
	}
	return strings.Join(parts, ", ")
}

func median(pairs []pair, of func(pair) float64) float64 {
	var all []float64
	for _, r := range pairs {
		all = append(all, of(r))
	}
	slices.Sort(all)
	if n := len(all); n%2 == 0 {
		return (all[n/2-1] + all[n/2]) / 2
	}
	return all[len(all)/2]
}
