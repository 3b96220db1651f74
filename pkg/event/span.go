package event

// Span is one event of a frame: views of the frame's bytes, or of the Frame's scratch where a string had escapes.
// It is valid until the Frame decodes again or the owner of the frame's bytes reuses them.
type Span struct {
	// Raw is the member as it stood in the frame.
	Raw []byte
	// Refused is why this event is not valid; nil if it is.
	Refused *Refusal
	// Control says that this is no event at all: it is neither stored nor numbered.
	Control Control

	payload Payload
	// seen has a bit for each slot that occurred, null or not.
	seen uint16
	// text holds the attributes that CloudEvents names; empty is absent.
	text       [slotText][]byte
	data       []byte
	extensions []extension
}

// Control tells messages of the protocol from events.
type Control uint8

// `{"type":"ping"}` and `{"type":"pong"}` without data are messages of the protocol, whatever else they hold.
const (
	None Control = iota
	Ping
	Pong
)

// Payload is what kind of data an event has.
type Payload uint8

// `"data":null` is JSON; `"data_base64":null` is no data.
const (
	NoData Payload = iota
	JSONData
	BinaryData
)

// Valid says that the span is an event that may be stored.
func (s *Span) Valid() bool { return s.Refused == nil && s.Control == None }

// ID is the sender's id; empty if it gave none.
func (s *Span) ID() []byte { return s.text[slotID] }

// Type is never empty in a valid span.
func (s *Span) Type() []byte { return s.text[slotType] }

// PartitionKey is empty if the sender gave none.
func (s *Span) PartitionKey() []byte { return s.text[slotPartitionKey] }

// Data is JSON as it was sent, or the bytes that data_base64 stands for.
func (s *Span) Data() ([]byte, Payload) { return s.data, s.payload }

// fail refuses the event for an attribute: fault completes the sentence that begins with its name. The first fault
// is kept, since later ones may follow from it.
func (s *Span) fail(name []byte, fault string) {
	if s.Refused == nil {
		s.Refused = badAttribute(string(name), fault)
	}
}
