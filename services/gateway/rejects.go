package gateway

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"millrace.dev/pkg/access"
	"millrace.dev/pkg/event"
	"millrace.dev/services/gateway/limit"
)

// sender is who sends events: what refusals are counted under, and what limits count.
type sender struct {
	*limit.Sender
	// path is how its events come in: /ws or /http.
	path       string
	credential access.Credential
}

// address is where it sends from.
func (s *sender) address() string {
	if a := s.credential.Client.Address; a.IsValid() {
		return a.String()
	}
	return ""
}

// source is the default of its events' attribute of that name.
func (s *sender) source() string {
	if s.credential.Anonymous() {
		return s.path
	}
	return s.path + "/" + s.credential.Name
}

const (
	// sampleBytes is how much of what was refused is kept and logged (guide: 100 bytes).
	sampleBytes = 100
	// keptSamples is how many of the latest refusals of a kind are kept with their bytes.
	keptSamples = 5
	// mostRejects is how many kinds of refusals are counted apart; what is beyond is counted as "other".
	mostRejects = 500
)

// rejects remembers what was refused: how often, by reason and source, and the latest of each. The source is who sent
// it, by credential or address; the attribute of that name is the sender's to choose and would grow without bound.
type rejects struct {
	mu    sync.Mutex
	kinds map[rejectKind]*reject
}

type rejectKind struct{ code, path, credential, address string }

type reject struct {
	Reason     string         `json:"reason"`
	Source     string         `json:"source"`
	Credential string         `json:"credential,omitempty"`
	Address    string         `json:"address,omitempty"`
	Count      uint64         `json:"count"`
	Latest     []rejectSample `json:"latest"`
}

type rejectSample struct {
	Time    time.Time `json:"time"`
	Message string    `json:"message"`
	// Sample is the first 100 bytes.
	Sample string `json:"sample"`
}

// note counts refused events, and keeps the beginning of the first.
func (r *rejects) note(now time.Time, from *sender, why *event.Refusal, raw []byte, events int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.of(from, why.Code)
	k.Count += uint64(events)
	if len(k.Latest) == keptSamples {
		k.Latest = slices.Delete(k.Latest, 0, 1)
	}
	k.Latest = append(k.Latest, rejectSample{now.UTC(), why.Message, beginning(raw)})
}

func (r *rejects) of(from *sender, code string) *reject {
	kind := rejectKind{code, from.path, from.credential.Name, from.address()}
	if kind.credential != "" {
		kind.address = "" // a credential may come from anywhere
	}
	if r.kinds[kind] == nil && len(r.kinds) >= mostRejects {
		kind.credential, kind.address = "", "other"
	}
	k := r.kinds[kind]
	if k == nil {
		k = &reject{Reason: code, Source: kind.path, Credential: kind.credential, Address: kind.address}
		if r.kinds == nil {
			r.kinds = map[rejectKind]*reject{}
		}
		r.kinds[kind] = k
	}
	return k
}

// list is all kinds, the one that was seen last first.
func (r *rejects) list() []reject {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]reject, 0, len(r.kinds))
	for _, k := range r.kinds {
		c := *k
		c.Latest = slices.Clone(k.Latest)
		slices.Reverse(c.Latest)
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b reject) int { return b.Latest[0].Time.Compare(a.Latest[0].Time) })
	return all
}

// beginning is the first bytes of what was refused, as text.
func beginning(raw []byte) string {
	return strings.ToValidUTF8(string(raw[:min(len(raw), sampleBytes)]), "\uFFFD")
}

// refused counts events, or one frame, that were refused, and logs the beginning of the first.
func (g *Gateway) refused(from *sender, why *event.Refusal, raw []byte, events int) {
	g.metrics.refused(why.Code, events)
	g.noteRefused(from, why, raw, events)
}

// turnedAway counts a request, a handshake or a connection that was not let in. It is none of the events that were
// refused, whose total is written next to those that were stored.
func (g *Gateway) turnedAway(from *sender, why *event.Refusal, sample string) {
	g.metrics.turnedAway(why.Code)
	g.noteRefused(from, why, []byte(sample), 1)
}

func (g *Gateway) noteRefused(from *sender, why *event.Refusal, raw []byte, events int) {
	g.rejects.note(time.Now(), from, why, raw, events)
	g.log.Debug("refused", "source", from.path, "credential", from.credential.Name, "address", from.address(),
		"code", why.Code, "message", why.Message, "events", events, "sample", beginning(raw))
}

// serveDebugRejects is GET /debug/rejects.
func (g *Gateway) serveDebugRejects(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{"rejects": g.rejects.list()})
}
