package dashboard

import (
	"bytes"
	"strconv"

	pb "millrace.dev/proto/gen/millrace/v1"
)

// reading is one answer of stats, in all the forms in which it is served. It does not change, but for
// superseded.
type reading struct {
	stats *pb.Stats // nil: stats has never answered
	body  []byte    // of /api/stats
	event []byte    // of /api/stats/stream
	// superseded is closed when a newer reading is there. Whoever waits on it finds the newest one, not the
	// next: that is the whole queue of a slow client, its bound is 1.
	superseded chan struct{}
}

// unread is the reading before the first: every figure is null.
func unread() *reading { return newReading(nil) }

func newReading(s *pb.Stats) *reading {
	body := renderStats(s)
	return &reading{stats: s, body: body, event: statsEvent(s, body), superseded: make(chan struct{})}
}

// statsEvent frames a reading as a server-sent event. Its id is the reading's time in milliseconds, the same
// on every gateway; body is one line, as encoding/json writes it.
func statsEvent(s *pb.Stats, body []byte) []byte {
	var id int64
	if t := s.GetTime(); t != nil {
		id = t.AsTime().UnixMilli()
	}
	var b bytes.Buffer
	b.WriteString("id: " + strconv.FormatInt(id, 10) + "\nevent: stats\ndata: ")
	b.Write(body)
	b.WriteString("\n\n")
	return b.Bytes()
}

// publish replaces the latest reading and wakes who waits for it. One goroutine publishes.
func (d *Dashboard) publish(s *pb.Stats) {
	close(d.latest.Swap(newReading(s)).superseded)
}
