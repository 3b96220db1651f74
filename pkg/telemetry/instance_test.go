package telemetry

import (
	"regexp"
	"testing"
	"time"
)

func TestInstancesAreUniqueAndFitIntoKeys(t *testing.T) {
	safe := regexp.MustCompile(`^worker-[a-z0-9]([a-z0-9-]*[a-z0-9])?-[a-z0-9]{10}$`)
	seen := map[string]bool{}
	for range 1_000 {
		i := NewInstance("worker")
		if !safe.MatchString(i.ID) || seen[i.ID] {
			t.Fatalf("id %q (seen before: %v)", i.ID, seen[i.ID])
		}
		seen[i.ID] = true
		if i.Service != "worker" || i.Version != Version || time.Since(i.Started) > time.Minute {
			t.Fatalf("%+v", i)
		}
	}
}

func TestShortHost(t *testing.T) {
	for host, want := range map[string]string{
		"":                               "host",
		"...":                            "host",
		"Böx_1.example.org":              "b-x-1",
		"-a-":                            "a",
		"4f2d8c9a1b3e":                   "4f2d8c9a1b3e",
		"a-very-long-name-of-a-pod-7d9f": "a-very-long-name-of",
		"{p3}:events":                    "p3--events",
		"日本":                             "host",
	} {
		if got := shortHost(host); got != want {
			t.Errorf("shortHost(%q) = %q, want %q", host, got, want)
		}
	}
}
