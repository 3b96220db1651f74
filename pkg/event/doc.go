// Package event says what a valid event is, and how it is written down.
//
//	JSON as a client sent it ──Frame.Decode…──▶ []Span ──AppendMember──▶ EventBatch ──DecodeBatch──▶ []Event
//	                            checks            views of the frame      one copy       views of the batch
//
// The model is CloudEvents 1.0; only `type` is required of a sender. What comes in is JSON: one event or an array
// of them (Frame.DecodeJSON), or one event a line (Frame.DecodeNDJSON). What is stored is protobuf: an EventBatch,
// as in millrace/v1/event.proto, of which each member is written once, when it arrives, and never touched again.
//
// The package promises:
//
//   - `data` is kept byte for byte. It is checked for grammar, for UTF-8 and for depth, and never decoded.
//   - A frame is decoded whole or not at all. An event that is well-formed but not valid is refused alone, by a
//     Refusal that names the attribute; its neighbours are untouched.
//   - Whether an event is valid depends on its own bytes and on Limits, never on what it was sent with: an event
//     that was refused is refused again when it is sent again.
//   - Nothing panics or recurses deeply on hostile input, and decoding, storing and reading back allocate nothing
//     per event once buffers have grown.
package event
