package main

import (
	"context"
	"fmt"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"millrace.dev/pkg/stream/survey"
	"millrace.dev/services/e2e/socket"
)

// event is about 150 bytes, as measured events are.
const eventText = `{"type":"sensor.reading","subject":"sensor-17","data":{"value":42.5,"unit":"C","battery":0.93,"room":"north","note":"a line of text of usual length"}}`

// window is how many events a connection has under way, and chunk how many it writes at once.
const (
	window = 2000
	chunk  = 50
)

// measureThroughput compares single-event frames and frames of 100 with what Redis itself appends.
func measureThroughput(ctx context.Context, o options, p *pipeline) error {
	before, err := p.yardstick(ctx)
	if err != nil {
		return err
	}
	var results []throughput
	for _, frame := range []int{1, 100} {
		r, err := p.throughput(ctx, o, load{anonymous, frame})
		if err != nil {
			return fmt.Errorf("frames of %d: %w", frame, err)
		}
		results = append(results, r)
	}
	after, err := p.yardstick(ctx)
	if err != nil {
		return err
	}
	yard := (before + after) / 2
	fmt.Printf("yardstick: redis-benchmark XADD c=16 P=16: %.0f and %.0f/s\n", before, after)
	for _, r := range results {
		fmt.Printf("frames of %3d: processed %7.0f events/s = %.2fx the yardstick; CPU s per million events: %s\n",
			r.frame, r.rate, r.rate/yard, r.cpuPerMillion())
	}
	return nil
}

// yardstick is how many single XADDs Redis takes a second, under the same fsync policy.
func (p *pipeline) yardstick(ctx context.Context) (float64, error) {
	out, err := exec.CommandContext(ctx, "redis-benchmark", "-s", p.socket, "-q", "-n", "300000", "-c", "16", "-P", "16",
		"XADD", "yard", "MAXLEN", "~", "100000", "*", "d", strings.Repeat("x", 120)).CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("redis-benchmark: %w: %s", err, out)
	}
	found := regexp.MustCompile(`([0-9.]+) requests per second`).FindAllSubmatch(out, -1)
	if found == nil {
		return 0, fmt.Errorf("redis-benchmark prints no rate: %s", out)
	}
	return strconv.ParseFloat(string(found[len(found)-1][1]), 64)
}

// throughput is the result of one run.
type throughput struct {
	frame int
	rate  float64
	sent  uint64
	cpu   map[string]time.Duration
}

// load is what is sent: by connections of a kind, frames of that many events.
type load struct {
	kind  kind
	frame int
}

func (t throughput) cpuPerMillion() string {
	var parts []string
	var total time.Duration
	for _, name := range processes() {
		parts = append(parts, fmt.Sprintf("%s %.2f", name, t.cpuOf(name)))
		total += t.cpu[name]
	}
	return strings.Join(parts, ", ") + fmt.Sprintf("; all %.2f", total.Seconds()/float64(t.sent)*1e6)
}

// processes are those that use the machine's processors, the generator (this one) among them.
func processes() []string { return []string{"gateway", "worker", "redis", "stats", "generator"} }

// cpuOf is what a process used, in seconds per million events.
func (t throughput) cpuOf(name string) float64 { return t.cpu[name].Seconds() / float64(t.sent) * 1e6 }

// throughput sends as fast as acknowledgements allow, and measures until everything is processed.
func (p *pipeline) throughput(ctx context.Context, o options, l load) (throughput, error) {
	start, err := p.processed(ctx)
	if err != nil {
		return throughput{}, err
	}
	cpu, began := p.cpuTimes(), time.Now()
	sent, err := p.generate(ctx, o, l)
	if err != nil {
		return throughput{}, err
	}
	err = p.await(ctx, "everything to be processed", func(s survey.Survey) bool { return processedIn(s) >= start+sent })
	took := time.Since(began)
	r := throughput{frame: l.frame, sent: sent, rate: float64(sent) / took.Seconds(), cpu: p.cpuTimes()}
	for name := range r.cpu {
		r.cpu[name] -= cpu[name]
	}
	return r, err
}

func (p *pipeline) processed(ctx context.Context) (uint64, error) {
	s, err := survey.Take(ctx, p.stream)
	return processedIn(s), err
}

func processedIn(s survey.Survey) uint64 { return s.Total().Pipelines["count"].Processed }

// generate sends from all connections for the duration and returns how many events were acknowledged.
func (p *pipeline) generate(ctx context.Context, o options, l load) (uint64, error) {
	var mu sync.Mutex
	var sent uint64
	g, ctx := errgroup.WithContext(ctx)
	end := time.Now().Add(o.duration)
	for range o.connections {
		g.Go(func() error {
			n, err := p.flood(ctx, l, end)
			mu.Lock()
			defer mu.Unlock()
			sent += n
			return err
		})
	}
	err := g.Wait()
	return sent, err
}

// flood is one connection: it writes encoded frames as long as its window is open, until the end.
func (p *pipeline) flood(ctx context.Context, l load, end time.Time) (uint64, error) {
	s, err := p.dial(ctx, l.kind)
	if err != nil {
		return 0, err
	}
	defer s.Close()
	block, events := blockOf(l.frame)
	acks := make(chan uint64, 1024)
	failed := make(chan error, 1)
	go func() { failed <- readAcks(s, acks) }()
	var sent, acked uint64
	for time.Now().Before(end) || acked < sent {
		if time.Now().Before(end) && sent-acked+events <= max(window, 2*events) {
			if _, err := s.Write(block); err != nil {
				return acked, err
			}
			sent += events
			continue
		}
		select {
		case acked = <-acks:
		case err := <-failed:
			return acked, err
		case <-ctx.Done():
			return acked, ctx.Err()
		}
	}
	return acked, nil
}

// readAcks hands on the newest acknowledgement.
func readAcks(s *socket.Socket, acks chan<- uint64) error {
	for {
		m, err := s.Message()
		if err != nil {
			return err
		}
		n, err := ackOf(m)
		if err != nil {
			return err
		}
		if n > 0 {
			acks <- n
		}
	}
}

// blockOf encodes what is written at once: some frames of that many events.
func blockOf(frame int) (block []byte, events uint64) {
	payload := []byte(eventText)
	if frame > 1 {
		payload = []byte("[" + strings.Repeat(eventText+",", frame-1) + eventText + "]")
	}
	frames := max(1, chunk/frame)
	for range frames {
		block = append(block, socket.Frame(socket.Text, payload)...)
	}
	return block, uint64(frames * frame)
}
