//go:build compose

package compose_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"millrace.dev/pkg/client"
)

const (
	clients = 8   // enough that some are on the gateway that is killed
	frames  = 300 // of each client
	frame   = 10  // events in each
)

// Events go through nginx to two gateways and from there to three workers. Half-way one of each is killed. Every event
// that was acknowledged lies in the stream once, and is processed once. The killed ones come back, figures of all
// containers reach the page, and the operator's commands work.
func TestCompose(t *testing.T) {
	s := up(t, "gateway=2", "worker=3")
	address := s.address(t, "nginx", "8000")

	halfway := make(chan struct{}, clients)
	resume := make(chan struct{})
	var sending sync.WaitGroup
	for c := range clients {
		sending.Go(func() { send(t, address, c, halfway, resume) })
	}
	for range clients {
		<-halfway
	}
	dead := []string{s.crash(t, "gateway"), s.crash(t, "worker")}
	close(resume)
	sending.Wait()

	compare(t, stored(t, s))
	waitProcessed(t, address, clients*frames*frame)
	for _, container := range dead {
		s.waitRestarted(t, container)
	}
	checkTotals(t, address, clients*frames*frame)
	checkReports(t, address, map[string]int{"gateway": 2, "worker": 3, "stats": 1})
	checkStream(t, address)
	checkCommands(t, s)
}

// send publishes one client's events and returns when all are acknowledged. It says when it is half-way, and goes on
// when told to; what it has published by then may still be under way.
func send(t *testing.T, address string, c int, halfway chan<- struct{}, resume <-chan struct{}) {
	reached := sync.OnceFunc(func() { halfway <- struct{}{} })
	defer reached()
	session, err := client.New(client.Config{
		URL: "ws://" + address + "/ws",
	})
	if err != nil {
		t.Error(err)
		return
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	var running sync.WaitGroup
	running.Go(func() {
		if err := session.Run(ctx); err != nil {
			t.Errorf("client %d: %v", c, err)
		}
	})
	defer running.Wait()
	defer cancel()
	decided := func(_ client.Frame, err error) {
		if err != nil {
			t.Errorf("client %d: %v", c, err)
		}
	}

	for f := range frames {
		if f == frames/2 {
			reached()
			<-resume
		}
		if err := session.PublishFrame(ctx, frameOf(c, f), frame, decided); err != nil {
			t.Errorf("client %d: publish: %v", c, err)
			return
		}
	}
	if err := session.Flush(ctx); err != nil {
		t.Errorf("client %d: flush: %v", c, err)
	}
}

// id names an event by its place.
func id(c, f, n int) string { return fmt.Sprintf("%d-%d-%d", c, f, n) }

// frameOf is the JSON of frame f of client c.
func frameOf(c, f int) []byte {
	events := make([]string, frame)
	for n := range events {
		events[n] = fmt.Sprintf(`{"id":%q,"type":"compose","data":{"client":%d,"frame":%d}}`, id(c, f, n), c, f)
	}
	return []byte("[" + strings.Join(events, ",") + "]")
}

// compare holds what was sent against what is stored: each id once, and no other.
func compare(t *testing.T, found map[string]int) {
	t.Helper()
	missing, twice := 0, 0
	for c := range clients {
		for f := range frames {
			for n := range frame {
				switch times := found[id(c, f, n)]; {
				case times == 0:
					missing++
				case times > 1:
					twice++
				}
				delete(found, id(c, f, n))
			}
		}
	}
	if missing > 0 || twice > 0 || len(found) > 0 {
		t.Errorf("of %d events sent %d are missing and %d stored more than once; %d were never sent",
			clients*frames*frame, missing, twice, len(found))
	}
}
