package event

import "fmt"

// judge decides what depends on the whole event.
func (f *Frame) judge(s *Span) {
	if s.Control = s.control(); s.Control != None {
		s.Refused = nil
		return
	}
	switch {
	case len(s.Raw) > f.limits.EventBytes:
		s.Refused = Refuse(CodeTooLarge, fmt.Sprintf("the event has %d bytes; at most %d are taken", len(s.Raw), f.limits.EventBytes))
	case len(s.Type()) == 0:
		s.fail([]byte("type"), "is required")
	}
}

// control says whether s is a message of the protocol. With two types it might be an event to its sender, and then
// it is refused rather than lost.
func (s *Span) control() Control {
	if s.payload != NoData || s.Refused != nil && s.Refused.Attribute == "type" {
		return None
	}
	switch string(s.Type()) {
	case "ping":
		return Ping
	case "pong":
		return Pong
	default:
		return None
	}
}
