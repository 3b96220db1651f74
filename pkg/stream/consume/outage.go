package consume

import (
	"log/slog"
	"sync"
	"time"
)

// outage says once that Redis fails us and once that it is back, however many parts find out.
type outage struct {
	log     *slog.Logger
	mu      sync.Mutex
	failing map[string]bool
	since   time.Time
}

// report notes how the last try of a part went.
func (o *outage) report(part string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err == nil {
		if delete(o.failing, part); len(o.failing) == 0 && !o.since.IsZero() {
			o.log.Info("Redis is back", "away", time.Since(o.since).Round(time.Millisecond).String())
			o.since = time.Time{}
		}
		return
	}
	if o.since.IsZero() {
		o.since = time.Now()
		o.log.Warn("Redis fails; waiting until it is back", "while", part, "error", err)
	}
	o.failing[part] = true
}
