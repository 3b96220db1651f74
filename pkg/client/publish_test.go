package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestFrames(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		var decided []Frame
		done := func(f Frame, err error) {
			if err != nil {
				t.Error(err)
			}
			decided = append(decided, f)
		}
		client := start(t, c)
		defer client.end(t)
		for n := range 10 {
			if err := client.PublishFrame(t.Context(), numbered(n), 1, done); err != nil {
				t.Fatal(err)
			}
		}
		if err := client.PublishFrame(t.Context(), []byte(`[{"type":"t"},{"type":"t"}]`), 2, done); err != nil {
			t.Fatal(err)
		}
		if err := client.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if published, n := client.Totals(); published != 12 || n != 12 || g.count() != 12 {
			t.Errorf("published %d, decided %d, stored %d", published, n, g.count())
		}
		for i, f := range decided { // Flush waits for the callbacks
			if f.First != uint64(i)+1 || f.Queued.IsZero() {
				t.Errorf("frame %d is decided as %+v", i, f)
			}
		}
		if len(decided) != 11 {
			t.Errorf("%d frames are decided", len(decided))
		}
		if s := client.State(); !s.Connected || s.Connections != 1 || s.Durability != "memory" || s.Lost != 0 || s.Err != nil {
			t.Errorf("the state is %+v", s)
		}
	})
}

// Single events go in arrays of what has gathered, within the gateway's limits, in order, beside frames.
func TestSingleEventsGather(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		const maxBytes = 2000
		g.greet = func(int) map[string]any {
			<-time.After(time.Second) // so that all is there
			return map[string]any{"max_batch": 7, "max_frame_bytes": maxBytes}
		}
		var sizes []int
		g.frame = func(_ *line, events []json.RawMessage) verdict {
			bytes := len("[]") + len(events) - 1
			for _, e := range events {
				bytes += len(e)
			}
			if len(events) > 1 && bytes > maxBytes {
				t.Errorf("a frame of %d bytes", bytes)
			}
			sizes = append(sizes, len(events))
			return take
		}
		client := start(t, c)
		defer client.end(t)
		var told []int
		publish := func(n int, data string) {
			if err := client.Publish(t.Context(), Event{Type: "t", ID: fmt.Sprint(n), Data: data}, func(err error) {
				if err != nil {
					t.Error(err)
				}
				told = append(told, n)
			}); err != nil {
				t.Fatal(err)
			}
		}
		for n := range 10 {
			publish(n, "")
		}
		frame := []byte(`[{"type":"a"},{"type":"b"}]`)
		if err := client.PublishFrame(t.Context(), frame, 2, nil); err != nil {
			t.Fatal(err)
		}
		for n := range 5 {
			publish(10+n, string(make([]byte, 200))) // 1,200 bytes each, as \u0000
		}
		if err := client.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(sizes, []int{7, 3, 2, 1, 1, 1, 1, 1}) {
			t.Errorf("the frames have %v events", sizes)
		}
		if !slices.IsSorted(told) || len(told) != 15 || g.count() != 17 {
			t.Errorf("told of %v, %d are stored", told, g.count())
		}
	})
}

// What is published while a frame is being written goes in the next one.
func TestGathersWhileWriting(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		resume := make(chan struct{})
		var sizes []int
		g.frame = func(_ *line, events []json.RawMessage) verdict {
			if sizes = append(sizes, len(events)); len(sizes) == 1 {
				<-resume
			}
			return take
		}
		client := start(t, c)
		defer client.end(t)
		_ = client.Publish(t.Context(), Event{Type: "t"}, nil)
		synctest.Wait() // the gateway has it and reads no more
		for range 2 {
			_ = client.Publish(t.Context(), Event{Type: "t", Data: make([]byte, 10_000)}, nil)
			synctest.Wait() // it is being written: no buffer between is that large
			for range 20 {
				_ = client.Publish(t.Context(), Event{Type: "t"}, nil)
			}
		}
		close(resume)
		if err := client.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(sizes, []int{1, 1, 41}) {
			t.Errorf("the frames have %v events", sizes)
		}
	})
}

func TestWindow(t *testing.T) {
	for name, set := range map[string]func(*Config){
		"events": func(c *Config) { c.Window = 10 },
		"bytes":  func(c *Config) { c.WindowBytes = 10 * len(numbered(1)) },
	} {
		t.Run(name, func(t *testing.T) {
			withGateway(t, func(t *testing.T, g *gateway, c Config) {
				set(&c)
				g.frame = func(*line, []json.RawMessage) verdict { return keep }
				client := start(t, c)
				defer client.end(t)
				for n := range 10 {
					if err := client.PublishFrame(t.Context(), numbered(n), 1, nil); err != nil {
						t.Fatal(err)
					}
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				called := false
				err := client.PublishFrame(ctx, numbered(1), 1, func(Frame, error) { called = true })
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("an eleventh event of a window of ten: %v", err)
				}
				if err := client.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("Flush returns %v, and nothing is acknowledged", err)
				}
				if published, decided := client.Totals(); published != 10 || decided != 0 || called {
					t.Errorf("published %d, decided %d, called back: %v", published, decided, called)
				}
			})
		})
	}
}

// A frame that is larger than the window goes alone.
func TestFrameLargerThanWindow(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		c.Window, c.WindowBytes = 1, 1
		client := start(t, c)
		defer client.end(t)
		for range 3 {
			if err := client.PublishFrame(t.Context(), []byte(`[{"type":"t"},{"type":"t"}]`), 2, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := client.Flush(t.Context()); err != nil || g.count() != 6 {
			t.Errorf("%d are stored, %v", g.count(), err)
		}
	})
}

// What the gateway would end the session for is not taken.
func TestFramesThatDoNotFit(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		client := start(t, c)
		defer client.end(t)
		for _, f := range []struct{ bytes, events int }{{10, 0}, {10, -1}, {10, 1001}, {1<<20 + 1, 1}} {
			if err := client.PublishFrame(t.Context(), make([]byte, f.bytes), f.events, nil); err == nil {
				t.Errorf("a frame of %d bytes and %d events is taken", f.bytes, f.events)
			}
		}
	})
}

// Flush waits for what was published before it, not for what comes meanwhile.
func TestFlushEndsWhileOthersPublish(t *testing.T) {
	withGateway(t, func(t *testing.T, g *gateway, c Config) {
		g.frame = func(l *line, _ []json.RawMessage) verdict {
			if l.last > 0 {
				return keep
			}
			<-time.After(time.Second)
			return take
		}
		client := start(t, c)
		defer client.end(t)
		_ = client.PublishFrame(t.Context(), numbered(1), 1, nil)
		flushed := make(chan error, 1)
		go func() { flushed <- client.Flush(t.Context()) }()
		synctest.Wait()
		_ = client.PublishFrame(t.Context(), numbered(2), 1, nil)
		if err := <-flushed; err != nil {
			t.Error(err)
		}
	})
}
