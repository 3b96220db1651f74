package stats

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"sync/atomic"
	"time"

	"millrace.dev/pkg/stream"
	"millrace.dev/pkg/stream/survey"
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
	at time.Time
	// survey is the newest there is; its Taken is zero before the first. It is older than at when err is not nil.
	survey survey.Survey
	// err says why the stream could not be read, or why Redis takes no writes.
	err error
	// read says that the survey is of this look.
	read bool
}

// sweeper looks at Redis once a second. Nobody else does.
type sweeper struct {
	config stream.Config
	log    *slog.Logger
	// news gets each reading; a slow receiver gets the newest.
	news chan reading
	// looked, if set, hears each reading.
	looked func(reading)
	// latest is the newest reading.
	latest atomic.Pointer[reading]
	// stream is there as soon as Redis has been.
	stream atomic.Pointer[stream.Stream]

	types     survey.Survey // of the goroutine that runs: the last types that were read aside
	typesRead time.Time
}

func newSweeper(c stream.Config, log *slog.Logger) *sweeper {
	return &sweeper{config: c, log: log, news: make(chan reading, 1)}
}

// run looks until ctx ends.
func (s *sweeper) run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
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
	next := reading{at: time.Now()}
	last := s.latest.Load()
	if last != nil {
		next.survey = last.survey
	}
	if v, err := s.read(bounded); err == nil || !v.Taken.IsZero() {
		next.survey, next.read, next.err = v, true, err
	} else {
		next.err = err
	}
	if ctx.Err() != nil {
		return
	}
	s.report(last, next)
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

// read reads the stream, and proves that Redis takes writes: an error beside a survey says that it does not.
func (s *sweeper) read(ctx context.Context) (survey.Survey, error) {
	handle := s.stream.Load()
	if handle == nil {
		if err := stream.Probe(ctx, s.config); err != nil {
			return survey.Survey{}, err
		}
		return survey.Survey{}, errors.New("Redis answers; the stream is being opened")
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

// report says once that Redis can't be read, and once that it can again.
func (s *sweeper) report(last *reading, next reading) {
	failed := last != nil && last.err != nil
	switch {
	case next.err != nil && !failed && s.stream.Load() != nil:
		s.log.Warn("Redis can't be read, or takes no writes; figures stay as they were", "error", next.err)
	case next.err == nil && failed:
		s.log.Info("Redis is read again")
	}
}

// redisAddress is a URL without user, password and query.
func redisAddress(raw string) string {
	if raw == "" {
		raw = stream.DefaultURL
	}
	u, err := url.Parse(raw)
	if err != nil {
		return "REDIS_URL"
	}
	return u.Scheme + "://" + u.Host + u.Path
}
