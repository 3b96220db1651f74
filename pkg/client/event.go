package client

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"millrace.dev/pkg/event"
)

// Event is a CloudEvents 1.0 event. Only Type is required.
type Event struct {
	// Type says what happened: order.placed.
	Type string
	// ID is unique within Source. Where it is empty a UUIDv7 is made, so that an event that is sent again keeps its id.
	ID string
	// Source is where the event comes from, a URI reference. Where it is empty the gateway fills it in.
	Source string
	// Subject is what of the source it is about.
	Subject string
	// Time is when it happened. The zero Time is the arrival at the gateway.
	Time time.Time
	// PartitionKey keeps events in order: those with the same key are in one partition. Where it is empty, those of a
	// client are.
	PartitionKey string
	// DataContentType is the media type of Data; empty means JSON. DataSchema is a URI that describes it.
	DataContentType, DataSchema string
	// Data is what happened. A []byte is binary; a json.RawMessage is kept byte for byte; nil is no data; anything else
	// is encoded by encoding/json.
	Data any
	// Extensions are attributes beside those of CloudEvents. Their names are lower-case letters and digits, their values
	// strings, booleans, or integers of 32 bits.
	Extensions map[string]any
}

// depth is how deep events nest at most that a gateway takes by default. One that is refused for its depth takes its
// whole frame with it, and the session.
var depth = event.DefaultLimits().Depth

// decoders check what is encoded.
var decoders = sync.Pool{New: func() any { return new(event.Frame) }}

// encode is the event's JSON. It refuses what would spoil its neighbours in a frame, or the session; whether the rest is
// valid is the gateway's to say.
func (c *Client) encode(e *Event) ([]byte, error) {
	m := event.Event{
		ID: e.ID, Source: e.Source, Type: e.Type, Subject: e.Subject, PartitionKey: e.PartitionKey,
		DataContentType: e.DataContentType, DataSchema: e.DataSchema,
	}
	if m.ID == "" {
		m.ID = c.newID()
	}
	if !e.Time.IsZero() {
		m.Time = e.Time.UTC().Format(time.RFC3339Nano)
	}
	var err error
	if m.Data, m.Binary, err = payload(e.Data); err != nil {
		return nil, fmt.Errorf("encoding the data of %.100q: %w", e.Type, err)
	}
	if m.Extensions, err = attributes(e.Extensions); err != nil {
		return nil, fmt.Errorf("encoding %.100q: %w", e.Type, err)
	}
	b := m.AppendJSON(make([]byte, 0, 192+len(m.Data)+len(m.Type)))
	if most := c.queue.mostBytes(); len(b) > most {
		return nil, refuse(event.CodeTooLarge, fmt.Sprintf("the event has %d bytes; a frame has %d at most", len(b), most))
	}
	return b, travels(b)
}

// travels says whether a gateway can decode it, and takes it for an event.
func travels(b []byte) error {
	f := decoders.Get().(*event.Frame)
	defer decoders.Put(f)
	defer f.Reset()
	l := event.Limits{FrameBytes: len(b), EventBytes: len(b), BatchEvents: 1, Depth: depth}
	if err := f.DecodeJSON(b, l); err != nil {
		if r, ok := errors.AsType[*event.Refusal](err); ok {
			return refuse(r.Code, r.Message)
		}
		return err
	}
	if f.Events[0].Control != event.None {
		return refuse(event.CodeInvalidEvent, "ping and pong without data are heartbeats, not events")
	}
	return nil
}

func refuse(code, message string) *Refusal {
	return &Refusal{Code: code, Message: message, Help: "docs/protocol.md#" + code}
}

func (c *Client) newID() string {
	c.idMu.Lock()
	defer c.idMu.Unlock()
	return string(c.ids.Append(nil, time.Now()))
}

// payload is data as it is sent.
func payload(data any) (b []byte, binary bool, err error) {
	switch d := data.(type) {
	case nil:
		return nil, false, nil
	case []byte:
		return append([]byte{}, d...), true, nil // never nil: no bytes are data too
	case json.RawMessage:
		if !json.Valid(d) { // or it could bring attributes with it
			return nil, false, errors.New("it is not JSON")
		}
		return d, false, nil
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(data); err != nil {
		return nil, false, err
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), false, nil
}

// attributes are the extensions, in the order of their names.
func attributes(extensions map[string]any) ([]event.Attribute, error) {
	if len(extensions) == 0 {
		return nil, nil
	}
	var all []event.Attribute
	for _, name := range slices.Sorted(maps.Keys(extensions)) {
		a := event.Attribute{Name: name}
		switch v := extensions[name].(type) {
		case string:
			a.Value = v
		case bool:
			a.Kind, a.Value = event.Boolean, strconv.FormatBool(v)
		case int:
			a.Kind, a.Value = event.Integer, strconv.Itoa(v)
		case int32:
			a.Kind, a.Value = event.Integer, strconv.Itoa(int(v))
		default:
			return nil, fmt.Errorf("extension %.64q: a %T is neither string, bool, int nor int32", name, v)
		}
		if _, err := strconv.ParseInt(a.Value, 10, 32); a.Kind == event.Integer && err != nil {
			return nil, fmt.Errorf("extension %.64q: %s is not an integer of 32 bits", name, a.Value)
		}
		all = append(all, a)
	}
	return all, nil
}
