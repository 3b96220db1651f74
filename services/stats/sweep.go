package stats

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"

	"millrace.dev/pkg/histogram"
	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/survey"
	"millrace.dev/services/doctor"
)

const (
	// sweepEvery is the time between two readings of the stream.
	sweepEvery = time.Second
	// sweepFor bounds one of them: an answer that takes longer is of no use for figures that are 2 s old at most.
	sweepFor = 1500 * time.Millisecond
	// typesEvery is the time between two readings of the types where they are too many for a sweep.
	typesEvery = 5 * time.Second
)

// reading is what came of one look at Redis.
type reading struct {
	// survey is the newest there is; its Taken is zero before the first.
	survey survey.Survey
	// read says that the survey is of this look, and not of one before.
	read bool
	// err says why the stream could not be read, or, beside a survey of this look, why Redis takes no writes.
	err error
	// losses are what Redis came back without since this process started, by partition.
	losses []doctor.PartitionLoss
	// orders is what operators have said; nil before it was read.
	orders *orders
}

// sweeper looks at Redis once a second. Nobody else does.
type sweeper struct {
	config stream.Config
	log    *slog.Logger
	// news gets each reading; a slow receiver gets the newest.
	news chan reading
	// took measures the looks.
	took histogram.Recorder
	// looked, if set, hears each reading.
	looked func(reading)
	// latest is the newest reading.
	latest atomic.Pointer[reading]
	// orders is what operators said last; process.follow hears it.
	orders atomic.Pointer[orders]
	// stream is there as soon as Redis has been; opened is closed then.
	stream atomic.Pointer[stream.Stream]
	opened chan struct{}

	memory    memory
	trouble   bool          // of the goroutine that runs: it was said that Redis can't be read
	types     survey.Survey // the last types that were read aside
	typesRead time.Time
}

func newSweeper(c stream.Config, log *slog.Logger) *sweeper {
	c.URL = cmp.Or(c.URL, stream.DefaultURL)
	return &sweeper{config: c, log: log, news: make(chan reading, 1), opened: make(chan struct{})}
}

// open gives the sweeper the stream.
func (s *sweeper) open(handle *stream.Stream) {
	s.stream.Store(handle)
	close(s.opened)
}

// run looks until ctx ends: at once when the stream is there, and else at the first tick, to say that it is not.
func (s *sweeper) run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	select {
	case <-s.opened:
	case <-tick.C:
	case <-ctx.Done():
		return nil
	}
	for {
		s.look(ctx)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// look makes one reading and hands it on.
func (s *sweeper) look(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, sweepFor)
	defer cancel()
	next := reading{}
	last := s.latest.Load()
	if last != nil {
		next.survey = last.survey
	}
	begin := time.Now()
	v, err := s.read(bounded)
	if ctx.Err() != nil {
		return
	}
	s.took.Record(time.Since(begin), 1)
	next.err = err
	if !v.Taken.IsZero() {
		next.survey, next.read = v, true
		s.remember(v)
	}
	next.losses = s.memory.losses()
	next.orders = s.orders.Load()
	s.report(next.err)
	s.latest.Store(&next)
	if s.looked != nil {
		s.looked(next)
	}
	select {
	case <-s.news: // nobody has taken it
	default:
	}
	s.news <- next
}

// read reads the stream, and proves that Redis takes writes: an error beside a survey says that it does not. Until the
// stream is open there is no survey, and an error only if Redis itself is away.
func (s *sweeper) read(ctx context.Context) (survey.Survey, error) {
	handle := s.stream.Load()
	if handle == nil {
		return survey.Survey{}, stream.Probe(ctx, s.config)
	}
	v, err := survey.Take(ctx, handle)
	if err != nil {
		return survey.Survey{}, err
	}
	s.addTypes(ctx, handle, &v)
	return v, handle.Ready(ctx)
}

// addTypes reads the types that were too many for the sweep, now and then; between, the last ones stay.
func (s *sweeper) addTypes(ctx context.Context, handle *stream.Stream, v *survey.Survey) {
	aside := false
	for _, p := range v.Partitions {
		aside = aside || p.Types == nil
	}
	if !aside {
		return
	}
	if v.Taken.Sub(s.typesRead) >= typesEvery {
		fresh := survey.Survey{Partitions: append([]survey.Partition(nil), v.Partitions...)}
		if err := survey.ReadTypes(ctx, handle, &fresh); err == nil {
			s.types, s.typesRead = fresh, v.Taken
		}
	}
	for i := range v.Partitions {
		if p := &v.Partitions[i]; p.Types == nil && i < len(s.types.Partitions) && s.types.Partitions[i].Epoch == p.Epoch {
			p.Types, p.Other = s.types.Partitions[i].Types, s.types.Partitions[i].Other
		}
	}
}

// report says once that Redis can't be read, and once that it can again. Before it was ever there, stream.Open says it.
func (s *sweeper) report(err error) {
	switch {
	case err != nil && !s.trouble && s.stream.Load() != nil:
		s.trouble = true
		s.log.Warn("Redis can't be read, or takes no writes; figures that come from it stay as they were", "error", err)
	case err == nil && s.trouble:
		s.trouble = false
		s.log.Info("Redis is read again")
	}
}

// redisAddress is a URL without user, password and query. The password may be one that no URL should hold as it is, so
// all up to the last @ goes.
func redisAddress(raw string) string {
	scheme, rest, ok := strings.Cut(cmp.Or(raw, stream.DefaultURL), "://")
	if !ok {
		return "REDIS_URL"
	}
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	rest, _, _ = strings.Cut(rest, "?")
	return scheme + "://" + rest
}
