package streamtest

import (
	"testing"
	"time"
)

func TestEachServerIsEmptyAtFirst(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *Server{"redis": Redis, "embedded": Embedded} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				c := start(t).Client(t)
				if n, err := c.DBSize(t.Context()).Result(); n != 0 || err != nil {
					t.Errorf("%d keys at first (%v)", n, err)
				}
				if err := c.Set(t.Context(), "k", "v", time.Minute).Err(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
