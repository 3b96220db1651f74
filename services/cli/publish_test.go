package cli

import (
	"context"
	"encoding/json"
	"io"
	"slices"
	"strings"
	"testing"
)

// mostFrame is what a gateway takes by default.
const mostFrame = 1 << 20

// Long lines between short ones: each frame is one that a gateway takes, and each line that fits is in one, in order.
func TestFramesFit(t *testing.T) {
	sizes := []int{10, frameBytes - 100, 900_000, 10, 20, longestLine - 40, longestLine - 20, 30, frameBytes, frameBytes}
	var in strings.Builder
	for _, n := range sizes {
		in.WriteString(strings.Repeat("x", n) + "\n")
	}
	events := make(chan []byte, len(sizes))
	told := &tally{out: io.Discard}
	if err := readEvents(t.Context(), strings.NewReader(in.String()), asData("t"), told, events); err != nil {
		t.Fatal(err)
	}
	close(events)

	var got []int
	err := frameEvents(t.Context(), func(_ context.Context, frame []byte, n int) error {
		if len(frame) > mostFrame {
			t.Errorf("a frame of %d bytes", len(frame))
		}
		var all []struct{ Data string }
		if err := json.Unmarshal(frame, &all); err != nil || len(all) != n {
			t.Errorf("a frame of %d events has %d: %v", n, len(all), err)
		}
		for _, e := range all {
			got = append(got, len(e.Data))
		}
		return nil
	}, events, 100)
	if err != nil {
		t.Fatal(err)
	}
	fit := slices.DeleteFunc(slices.Clone(sizes), func(n int) bool { return n == longestLine-20 }) // not with what goes around it
	if !slices.Equal(got, fit) || told.skipped != 1 {
		t.Errorf("lines of %v bytes arrive, %d were refused; want %v and 1", got, told.skipped, fit)
	}
}

// A folder is no fault of the data folder's, which is what its error looks like.
func TestFoldersAreNotSent(t *testing.T) {
	_, err := Send{}.open(t.TempDir())
	if CodeOf(err) != ExitUsage || !strings.Contains(err.Error(), "folder") {
		t.Errorf("opening a folder: %v", err)
	}
}
