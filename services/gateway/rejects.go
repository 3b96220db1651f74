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
	// path is how its events come in: /ws or /http; tcp: none can, for its connection is not let in.
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

// network is what it is counted under where it has no name of its own: see access.Client.LimitKey.
func (s *sender) network() string {
	if a := s.credential.Client.LimitKey(); a.IsValid() {
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
	// mostRejects is how many kinds of refusals are counted apart; see rejects.
	mostRejects = 500
)

// others is the address of a row that counts those who have none of their own any more.
const others = "other"

// rejects remembers what was refused: how often, by reason and source, and the latest of each. The source is who sent
// it, by credential or network address; the attribute of that name is the sender's to choose and would grow without
// bound. When there are too many, the one seen least recently goes into the others of its reason and path: an address
// before any credential, for addresses are an attacker's to choose.
type rejects struct {
	mu    sync.Mutex
	kinds map[rejectKind]*reject
	apart int // how many of them are not others'
}

type rejectKind struct{ code, path, credential, address string }

// seen is when something of the kind was refused last.
func (r *reject) seen() time.Time { return r.Latest[len(r.Latest)-1].Time }

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
	kind := rejectKind{why.Code, from.path, from.credential.Name, ""}
	if kind.credential == "" { // a credential may come from anywhere
		kind.address = from.network()
	}
	r.of(kind).add(uint64(events), rejectSample{now.UTC(), why.Message, beginning(raw)})
}

// add counts, and keeps the latest samples; they come in the order of their time.
func (r *reject) add(count uint64, samples ...rejectSample) {
	r.Count += count
	r.Latest = append(r.Latest, samples...)
	slices.SortStableFunc(r.Latest, func(a, b rejectSample) int { return a.Time.Compare(b.Time) })
	r.Latest = slices.Delete(r.Latest, 0, max(0, len(r.Latest)-keptSamples))
}

// of is the row of a kind, or that of the others when there is no place for it.
func (r *rejects) of(kind rejectKind) *reject {
	if k := r.kinds[kind]; k != nil {
		return k
	}
	if kind.address != others {
		if r.apart >= mostRejects && !r.forget(kind.credential != "") {
			return r.of(kind.other())
		}
		r.apart++
	}
	k := &reject{Reason: kind.code, Source: kind.path, Credential: kind.credential, Address: kind.address}
	if r.kinds == nil {
		r.kinds = map[rejectKind]*reject{}
	}
	r.kinds[kind] = k
	return k
}

// other is the kind that a row goes into when it is forgotten.
func (k rejectKind) other() rejectKind {
	return rejectKind{code: k.code, path: k.path, address: others}
}

// forget adds the row that was seen least recently to the others'. It is a credential's only if there is no address's
// and credentials says that one may go.
func (r *rejects) forget(credentials bool) (done bool) {
	var row *reject
	for kind, k := range r.kinds {
		if kind.address == others || kind.credential != "" && !credentials {
			continue
		}
		if row == nil || k.goesBefore(row) {
			row = k
		}
	}
	if row == nil {
		return false
	}
	kind := rejectKind{row.Reason, row.Source, row.Credential, row.Address}
	delete(r.kinds, kind)
	r.apart--
	r.of(kind.other()).add(row.Count, row.Latest...)
	return true
}

// goesBefore says which of two rows is forgotten first.
func (r *reject) goesBefore(other *reject) bool {
	if anonymous := r.Credential == ""; anonymous != (other.Credential == "") {
		return anonymous
	}
	return r.seen().Before(other.seen())
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
