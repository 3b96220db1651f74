package gateway

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestRoomLetsInFirstComeFirstServed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(10, 1000)
		if !r.try(10, 10) {
			t.Fatal("an empty room takes what fits")
		}
		let := make(chan int, 3)
		for i := range 3 {
			go func() {
				if err := r.wait(t.Context(), 4, 10); err != nil {
					t.Error(err)
				}
				let <- i
			}()
			synctest.Wait()
		}
		if r.try(1, 1) {
			t.Error("somebody overtakes those who wait")
		}
		time.Sleep(time.Second) //nolint:forbidigo // the bubble's time: how long they have waited
		for want := range 3 {
			r.release(4, 4)
			synctest.Wait()
			if got := <-let; got != want {
				t.Errorf("number %d was let in as number %d", got, want)
			}
		}
		if events, _, blocked := r.used(); events != 10 || blocked != 3*time.Second {
			t.Errorf("%d events are taken, blocked for %v", events, blocked)
		}
	})
}

func TestRoomGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(10, 1000)
		r.try(8, 8)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		waiting := make(chan error, 2)
		go func() { waiting <- r.wait(ctx, 9, 9) }()
		synctest.Wait()
		go func() { waiting <- r.wait(t.Context(), 2, 2) }()
		synctest.Wait()
		time.Sleep(2 * time.Second) //nolint:forbidigo // the bubble's time: beyond the first one's patience
		synctest.Wait()
		if err := <-waiting; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the first gave up with %v", err)
		}
		if err := <-waiting; err != nil {
			t.Errorf("the second, who fits, was not let in: %v", err)
		}
		if events, bytes, _ := r.used(); events != 10 || bytes != 10 {
			t.Errorf("%d events, %d bytes are taken", events, bytes)
		}
	})
}

// A frame that is larger than the room waits for an empty one, not for ever.
func TestRoomTakesTheLargestFrame(t *testing.T) {
	r := newRoom(10, 100)
	if !r.try(5, 5000) {
		t.Fatal("an empty room takes any frame")
	}
	if r.try(1, 1) {
		t.Fatal("a full one takes none")
	}
	r.release(5, 5000)
	if !r.try(1, 1) {
		t.Fatal("room that was given back is gone")
	}
}
