package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"millrace.dev/pkg/histogram"
	"millrace.dev/services/e2e/socket"
)

// The guide's load: 100 clients, 10,000 events a second.
const (
	paceClients = 100
	paceRate    = 10_000
)

// measureLatency sends at the guide's rate and measures from when each event was due to its acknowledgement.
func measureLatency(ctx context.Context, o options, p *pipeline) error {
	var latency histogram.Recorder
	g, ctx := errgroup.WithContext(ctx)
	cpu, began := p.cpuTimes(), time.Now()
	for i := range paceClients {
		g.Go(func() error { return p.pace(ctx, i, began, o.duration, &latency) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	h := latency.Snapshot()
	fmt.Printf("ack latency at %d/s from %d clients: p50 %v, p99 %v, p99.9 %v; gateway CPU %.0f us/event\n", paceRate, paceClients,
		quantile(h, 0.5), quantile(h, 0.99), quantile(h, 0.999),
		(p.cpuTimes()["gateway"]-cpu["gateway"]).Seconds()/float64(h.Count())*1e6)
	return nil
}

func quantile(h histogram.Histogram, q float64) time.Duration {
	d, _ := h.Quantile(q)
	return round(d)
}

// pace is one client: one event in each step.
func (p *pipeline) pace(ctx context.Context, number int, began time.Time, length time.Duration, latency *histogram.Recorder) error {
	s, err := p.dial(ctx, anonymous)
	if err != nil {
		return err
	}
	defer s.Close()
	step := time.Second * paceClients / paceRate
	due := began.Add(step * time.Duration(number) / paceClients)
	total := uint64(length / step)
	read := make(chan error, 1)
	go func() { read <- timeAcks(s, due, step, total, latency) }()
	frame := socket.Frame(socket.Text, []byte(eventText))
	for i := range total {
		time.Sleep(time.Until(due.Add(step * time.Duration(i)))) //nolint:forbidigo // this is the clock that events follow
		if _, err := s.Write(frame); err != nil {
			return err
		}
	}
	return <-read
}

// timeAcks measures each event from when it was due: a generator that falls behind must not hide it.
func timeAcks(s *socket.Socket, first time.Time, step time.Duration, total uint64, latency *histogram.Recorder) error {
	var acked uint64
	for acked < total {
		m, err := s.Message()
		if err != nil {
			return err
		}
		n, err := ackOf(m)
		if err != nil {
			return err
		}
		now := time.Now()
		for ; acked < n; acked++ {
			latency.Record(now.Sub(first.Add(step*time.Duration(acked))), 1)
		}
	}
	return nil
}
