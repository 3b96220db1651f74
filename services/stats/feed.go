package stats

import (
	"sync"
	"time"
)

// feed is the registry for many goroutines: reports come on gRPC's, and one reads.
type feed struct {
	mu       sync.Mutex
	registry *Registry
}

func newFeed(forget time.Duration) *feed { return &feed{registry: NewRegistry(forget)} }

func (f *feed) apply(now time.Time, rep Report) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.registry.Apply(now, rep)
}

// look forgets who is gone and returns what is known at now.
func (f *feed) look(now time.Time) ([]Instance, Totals) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.registry.Expire(now)
	return f.registry.Instances(now), f.registry.Totals()
}
