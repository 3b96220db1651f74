//go:build compose

package compose_test

import (
	"bufio"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
)

// figures is what this test reads of /api/stats; a total that stats does not know is nil.
type figures struct {
	Time      time.Time           `json:"time"`
	Totals    map[string]*float64 `json:"totals"`
	Instances []struct {
		Service string `json:"service"`
		Up      bool   `json:"up"`
	} `json:"instances"`
}

// total is one of the totals, or -1 where stats does not know it.
func (f figures) total(name string) float64 {
	if n := f.Totals[name]; n != nil {
		return *n
	}
	return -1
}

// up counts the instances of each service that report.
func (f figures) up() map[string]int {
	services := map[string]int{}
	for _, i := range f.Instances {
		if i.Up {
			services[i.Service]++
		}
	}
	return services
}

// stats asks one of the gateways for the figures.
func stats(t *testing.T, address string) figures {
	t.Helper()
	response := get(t, "http://"+address+"/api/stats")
	defer response.Body.Close()
	var f figures
	if err := json.NewDecoder(response.Body).Decode(&f); err != nil {
		t.Fatalf("/api/stats: %v", err)
	}
	return f
}

func get(t *testing.T, url string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		body, err := io.ReadAll(response.Body)
		t.Fatalf("%s answers %s: %s (%v)", url, response.Status, body, err)
	}
	return response
}

// until asks for the figures every second until they are as wanted, and fails after two minutes.
func until(t *testing.T, address, want string, good func(figures) bool) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		f := stats(t, address)
		if good(f) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("want %s; after two minutes accepted is %.0f, processed %.0f (-1: unknown), and up are %v",
				want, f.total("accepted"), f.total("processed"), f.up())
		}
	}
}

// waitProcessed waits until the workers that are left have processed as many events as were sent: what the killed one
// held is taken over.
func waitProcessed(t *testing.T, address string, want float64) {
	t.Helper()
	until(t, address, "everything processed", func(f figures) bool { return f.total("processed") == want })
}

// checkTotals holds the figures against what was sent. All of it is processed.
func checkTotals(t *testing.T, address string, sent float64) {
	t.Helper()
	f := stats(t, address)
	for name, want := range map[string]float64{"accepted": sent, "processed": sent, "pending": 0, "rejected": 0, "dropped": 0, "dead": 0} {
		if got := f.total(name); got != want {
			t.Errorf("%s is %.0f, want %.0f", name, got, want)
		}
	}
}

// checkReports waits until as many processes of each service report as have a container. They do so from addresses of
// their own, where only the internal key lets them in.
func checkReports(t *testing.T, address string, want map[string]int) {
	t.Helper()
	until(t, address, "a report of every container", func(f figures) bool { return maps.Equal(f.up(), want) })
}

const (
	// fresh is how old figures may be when they come in: they are made and sent once a second, and have machines to
	// themselves less than they like.
	fresh = 2 * time.Second
	// streamed is how many figures in a row are looked at.
	streamed = 4
)

// checkStream follows the figures as the page does. nginx may not gather what the gateway sends: each is to come in as
// soon as it is made.
func checkStream(t *testing.T, address string) {
	t.Helper()
	response := get(t, "http://"+address+"/api/stats/stream")
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for n := 0; n < streamed; {
		if !lines.Scan() {
			t.Fatalf("/api/stats/stream ended after %d of %d figures: %v", n, streamed, lines.Err())
		}
		data, found := strings.CutPrefix(lines.Text(), "data: ")
		if !found {
			continue
		}
		n++
		var f figures
		if err := json.Unmarshal([]byte(data), &f); err != nil {
			t.Fatalf("/api/stats/stream sent %q: %v", data, err)
		}
		if age := time.Since(f.Time); age > fresh {
			t.Errorf("figures %d of the stream were %v old when they came in", n, age)
		}
	}
}
