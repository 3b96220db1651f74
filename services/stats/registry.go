package stats

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"millrace.dev/pkg/histogram"
)

const (
	// downAfter is how long an instance may be silent and still counts as up: three reports of one second.
	downAfter = 3 * time.Second
	// mostInstances bounds the instances known at a time.
	mostInstances = 1000
	// mostSeries bounds the series of an instance; what is beyond adds up in one overflow series a metric.
	mostSeries = 2000
	// remembered is how far back reports are kept: the longest window over them, and a report more.
	remembered = 12 * time.Second
)

// Registry knows who reports, and the newest report of each. It is pure: every time is an argument, and one goroutine
// uses it at a time.
type Registry struct {
	instances map[string]*member
	retired   Totals
	forget    time.Duration
}

// Totals are the cumulative figures of all instances that ever reported, also of those that are gone: they never step
// back. Those that stats itself has not seen, because it was not there, are not in them.
type Totals struct {
	Sums       map[Series]float64
	Histograms map[Series]histogram.Histogram
}

// Instance is one process that reports.
type Instance struct {
	ID, Service, Version, DebugAddr string
	// Started is by the instance's clock, Reported, when its newest report came, by ours.
	Started, Reported time.Time
	// Up is false after three missed reports.
	Up bool
	// Last is its newest report with figures.
	Last *Report
	// trail are the reports of the last seconds, oldest first, each with the time at which it came.
	trail []received
}

// received is a report with the time at which it came, by this process's clock.
type received struct {
	at     time.Time
	report *Report
}

type member struct {
	last  *Report
	heard time.Time
	trail []received
}

// NewRegistry returns a registry that forgets an instance when it has been silent for that long.
func NewRegistry(forget time.Duration) *Registry {
	return &Registry{instances: map[string]*member{}, retired: newTotals(), forget: forget}
}

func newTotals() Totals {
	return Totals{Sums: map[Series]float64{}, Histograms: map[Series]histogram.Histogram{}}
}

// Apply takes a report that came at now, and says whether it was news: not one of an earlier life of the instance, or
// older than what is known of it, or of one instance too many.
func (r *Registry) Apply(now time.Time, rep Report) (fresh bool) {
	m := r.instances[rep.Instance]
	if m != nil && rep.Started.IsZero() { // it does not tell; then it is the life that we know
		rep.Started = m.last.Started
	}
	switch {
	case m == nil:
		if len(r.instances) >= mostInstances {
			return false
		}
		m = &member{}
		r.instances[rep.Instance] = m
	case rep.Started.Before(m.last.Started):
		return false
	case rep.Started.After(m.last.Started):
		r.retired.add(m.last)
		*m = member{}
	case !rep.At.IsZero() && !rep.At.After(m.last.At):
		return false
	}
	m.take(now, rep)
	return true
}

// take makes a report the newest of its instance.
func (m *member) take(now time.Time, rep Report) {
	m.heard = now
	if rep.At.IsZero() && m.last != nil { // a sign of life, no figures
		return
	}
	rep = bounded(rep)
	if len(rep.Deltas) > 0 {
		rep = accumulated(rep, m.last)
	}
	m.last = &rep
	m.trail = append(m.trail, received{now, &rep})
	for len(m.trail) > 1 && now.Sub(m.trail[1].at) >= remembered {
		m.trail = m.trail[1:]
	}
}

// Expire forgets the instances that have been silent for long, and keeps their totals.
func (r *Registry) Expire(now time.Time) {
	for id, m := range r.instances {
		if now.Sub(m.heard) >= r.forget {
			r.retired.add(m.last)
			delete(r.instances, id)
		}
	}
}

// Instances returns who is known, by service and id.
func (r *Registry) Instances(now time.Time) []Instance {
	all := make([]Instance, 0, len(r.instances))
	for id, m := range r.instances {
		all = append(all, Instance{
			ID: id, Service: m.last.Service, Version: m.last.Version, DebugAddr: m.last.DebugAddr,
			Started: m.last.Started, Reported: m.heard, Up: now.Sub(m.heard) <= downAfter,
			Last: m.last, trail: slices.Clone(m.trail),
		})
	}
	slices.SortFunc(all, func(a, b Instance) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.ID, b.ID))
	})
	return all
}

// Totals adds up what all instances counted.
func (r *Registry) Totals() Totals {
	var t Totals
	t.Sums, t.Histograms = maps.Clone(r.retired.Sums), maps.Clone(r.retired.Histograms)
	for _, m := range r.instances {
		t.add(m.last)
	}
	return t
}

func (t *Totals) add(rep *Report) {
	for s, v := range rep.Sums {
		t.Sums[s] += v
	}
	for s, h := range rep.Histograms {
		t.Histograms[s] = t.Histograms[s].Add(h)
	}
}

// accumulated adds what a report says was added to what was known before, series by series.
func accumulated(rep Report, before *Report) Report {
	if before == nil {
		return rep
	}
	sums, histograms := maps.Clone(before.Sums), maps.Clone(before.Histograms)
	for s, v := range rep.Sums {
		if rep.Deltas[s] {
			v += sums[s]
		}
		sums[s] = v
	}
	for s, h := range rep.Histograms {
		if rep.Deltas[s] {
			h = histograms[s].Add(h)
		}
		histograms[s] = h
	}
	rep.Sums, rep.Histograms = sums, histograms
	return rep
}
