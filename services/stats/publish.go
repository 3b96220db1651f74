package stats

import (
	"context"
	"sync/atomic"
	"time"

	pb "millrace.dev/proto/gen/millrace/v1"
	"millrace.dev/services/doctor"
)

// published is what everybody gets who asks. It is never changed.
type published struct {
	stats     *pb.Stats
	diagnosis *pb.Diagnosis
	version   uint64
	// replaced is closed when there is a newer one.
	replaced chan struct{}
}

// board holds what is published. One goroutine writes, any number read without waiting.
type board struct{ latest atomic.Pointer[published] }

func (b *board) load() *published { return b.latest.Load() }

func (b *board) publish(stats *pb.Stats, diagnosis *pb.Diagnosis) {
	next := &published{stats: stats, diagnosis: diagnosis, version: 1, replaced: make(chan struct{})}
	last := b.latest.Load()
	if last != nil {
		next.version = last.version + 1
	}
	b.latest.Store(next)
	if last != nil {
		close(last.replaced)
	}
}

// publisher makes of each reading, and of what processes report, what is published.
type publisher struct {
	feed   *feed
	board  *board
	target string // Redis's address, without secrets
	flow   Flow
	course doctor.Course
}

// newPublisher publishes at once that nothing is known yet.
func newPublisher(f *feed, b *board, redisURL string) *publisher {
	p := &publisher{feed: f, board: b, target: redisAddress(redisURL)}
	v := p.view(reading{})
	s := nothingYet(v.now)
	b.publish(snapshot(v), diagnosis(s, doctor.Examine(s, nil)))
	return p
}

// run publishes at every reading until ctx ends. They come every 2 s at least, whatever Redis does.
func (p *publisher) run(ctx context.Context, news <-chan reading) error {
	for {
		select {
		case r := <-news:
			p.publish(r)
		case <-ctx.Done():
			return nil
		}
	}
}

func (p *publisher) publish(r reading) {
	if r.read {
		p.flow.Add(r.survey)
	}
	v := p.view(r)
	s := examined(v, r, p.target)
	found := p.course.Next(s, doctor.Examine(s, nil))
	p.board.publish(snapshot(v), diagnosis(s, found))
}

func (p *publisher) view(r reading) view {
	v := view{now: time.Now(), survey: r.survey}
	v.instances, v.totals = p.feed.look(v.now)
	if rates, ok := p.flow.Rates(); ok {
		v.rates = &rates
	}
	return v
}
