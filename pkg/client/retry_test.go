package client

import (
	"errors"
	"testing"
	"time"
)

func TestRetryBounds(t *testing.T) {
	r := retry{least: time.Second, most: 30 * time.Second}
	bound := float64(time.Second)
	for range 50 {
		d := r.next()
		if d < 0 || float64(d) > min(bound, float64(30*time.Second)) {
			t.Fatalf("try %d waits %v of %v", r.tries, d, time.Duration(bound))
		}
		bound *= 1.5
	}
	var longest, shortest time.Duration = 0, time.Hour
	for range 200 {
		d := r.next()
		longest, shortest = max(longest, d), min(shortest, d)
	}
	if longest < 15*time.Second || shortest > 5*time.Second {
		t.Errorf("of 200 late waits the longest is %v, the shortest %v", longest, shortest)
	}
}

func TestPause(t *testing.T) {
	lost := errors.New("lost")
	for name, is := range map[string]struct {
		err         error
		tries       int
		lived       time.Duration
		least, most time.Duration
		after       int // tries that are counted then
	}{
		"first":                     {lost, 0, 0, 0, time.Second, 1},
		"tenth":                     {lost, 9, 0, 0, 30 * time.Second, 10},
		"after a long life":         {lost, 9, time.Minute, 0, time.Second, 1},
		"a wish":                    {&later{lost, 9 * time.Second, false}, 0, 0, 9 * time.Second, 10 * time.Second, 1},
		"a wish in place of it":     {&later{lost, 4 * time.Second, true}, 9, 2 * time.Second, 4 * time.Second, 6 * time.Second, 0},
		"gone as soon as it came":   {&later{lost, 0, true}, 9, time.Millisecond, 0, 30 * time.Second, 10},
		"a wish of nothing at once": {&later{lost, 0, true}, 9, 2 * time.Second, 0, 0, 0},
	} {
		for range 20 {
			r := retry{least: time.Second, most: 30 * time.Second, tries: is.tries}
			if d := r.pause(is.err, is.lived); d < is.least || d > is.most || r.tries != is.after {
				t.Errorf("%s: %v after %d tries", name, d, r.tries)
			}
		}
	}
}
