package consume

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"golang.org/x/sync/errgroup"

	"millrace.dev/pkg/stream"
)

// run is one call of Run: what its goroutines share.
type run struct {
	stream  *stream.Stream
	config  Config
	handler Handler
	log     *slog.Logger
	outage  outage
	// reader is a client of its own for blocking reads, which end when it is closed.
	reader redis.UniversalClient
	lanes  []*lane

	queue   chan *entry   // readers -> dispatcher
	batches chan *batch   // dispatcher -> handlers
	failed  chan *batch   // handlers -> dispatcher
	idle    chan struct{} // ends a handler that waits for a batch
	bell    chan struct{} // wakes the settler
	fed     chan struct{} // closed when nothing is read any more
	handled chan struct{} // closed when all handlers have ended

	entries sync.Pool
	spare   sync.Pool // of batches

	// names: held for writing while one of our names changes, for reading while something depends on it.
	names   sync.RWMutex
	base    string
	renamed atomic.Uint64
	// slowSaid is the second in which a slow handler was logged last.
	slowSaid atomic.Int64
	load     load
}

// Run consumes the stream under the pipeline's name until ctx ends. Then it drains: it reads no more, lets handlers
// finish and settles, within Config.Drain; what is not finished is left to others, at once. It returns when all its
// goroutines have ended, so not before the handlers have.
//
// It waits while Redis is away, then and at the beginning. Its errors are faults of the Config, and what waiting
// can't mend: stream.ErrPartitions, stream.ErrDenied.
func Run(ctx context.Context, s *stream.Stream, c Config, h Handler) error {
	c = c.withDefaults()
	if err := c.check(h); err != nil {
		return fmt.Errorf("consuming: %w", err)
	}
	r, err := newRun(s, c, h)
	if err != nil {
		return err
	}
	if err := r.start(ctx); err != nil {
		_ = r.reader.Close()
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	return r.consume(ctx)
}

func newRun(s *stream.Stream, c Config, h Handler) (*run, error) {
	reader, err := s.Reader()
	if err != nil {
		return nil, fmt.Errorf("connecting the readers: %w", err)
	}
	log := s.Log().With("pipeline", c.Pipeline)
	r := &run{
		stream: s, config: c, handler: h, log: log, reader: reader,
		outage: outage{log: log, failing: make(map[string]bool)},
		queue:  make(chan *entry, 64), batches: make(chan *batch), failed: make(chan *batch),
		idle: make(chan struct{}), load: load{origin: time.Now()},
		bell: make(chan struct{}, 1), fed: make(chan struct{}), handled: make(chan struct{}),
		entries: sync.Pool{New: func() any { return new(entry) }},
		spare:   sync.Pool{New: func() any { return newBatch() }},
		base:    c.Instance + "-" + strings.ToLower(rand.Text()[:8]),
	}
	for p := range s.Partitions() {
		r.lanes = append(r.lanes, newLane(p, r.base, roomFor(c, c.MinHandlers, s.Partitions()), size{entries: 1, events: c.BatchEvents}))
	}
	return r, nil
}

// newName is a name that no consumer ever had: unique per process start, and for each time that a lease lapsed.
func (r *run) newName() string { return r.base + "." + strconv.FormatUint(r.renamed.Add(1), 10) }

// start makes sure of the groups and gets our leases, however long that takes.
func (r *run) start(ctx context.Context) error {
	wait := stream.Backoff{Least: 100 * time.Millisecond, Most: 5 * time.Second}
	for _, l := range r.lanes {
		for {
			err := r.ensure(ctx, l)
			if err == nil {
				err = r.begin(ctx, l, l.name())
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			r.outage.report("starting", err)
			if err == nil {
				break
			}
			if !stream.Transient(err) {
				return err
			}
			if err := stream.Sleep(ctx, wait.Next()); err != nil {
				return err
			}
		}
	}
	return nil
}

// consume runs the stages until ctx ends, and then ends them one after another in the order in which events pass
// them, so that what one has in its hands is still taken by the next.
func (r *run) consume(ctx context.Context) error {
	readers, reading := errgroup.WithContext(ctx)
	working, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	leasing, lapse := context.WithCancel(context.WithoutCancel(ctx))
	defer lapse()

	var leases, dispatching, handlers, settling sync.WaitGroup
	leases.Go(func() { r.keepLeases(leasing) })
	settling.Go(func() { r.settle(working) })
	handle := func() { handlers.Go(func() { r.handle(working) }) }
	for range r.config.MinHandlers {
		handle()
	}
	dispatching.Go(func() { r.dispatch(working) })
	readers.Go(func() error { r.takeOver(reading); return nil })
	readers.Go(func() error { r.scale(reading, handle); return nil }) // ends before anyone waits for the handlers
	for _, l := range r.lanes {
		readers.Go(func() error { return r.read(reading, l) })
	}

	<-reading.Done()
	deadline := time.AfterFunc(r.config.Drain, giveUp)
	defer deadline.Stop()
	_ = r.reader.Close() // ends the blocking reads
	fault := readers.Wait()
	close(r.fed)
	dispatching.Wait()
	handlers.Wait()
	close(r.handled)
	settling.Wait()
	lapse()
	leases.Wait()
	r.leave(ctx)
	return fault
}

// leave releases what is left. If Redis can't be reached, our leases lapse by themselves.
func (r *run) leave(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := r.release(ctx); err != nil {
		r.log.Warn("could not hand over what is left; others take it over when the lease has lapsed", "error", err)
	}
}
