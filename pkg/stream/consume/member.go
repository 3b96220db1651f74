package consume

import (
	"google.golang.org/protobuf/encoding/protowire"

	"millrace.dev/pkg/event"
)

// batchEvents is the number of the field in EventBatch that holds the events.
const batchEvents protowire.Number = 2

// member cuts one event out of an EventBatch that can be decoded, as a batch of its own: byte for byte, so that
// nothing that a newer gateway wrote gets lost.
func member(batch string, index int) []byte {
	rest := []byte(batch)
	for len(rest) > 0 {
		number, kind, tag := protowire.ConsumeTag(rest)
		if tag < 0 {
			break
		}
		size := protowire.ConsumeFieldValue(number, kind, rest[tag:])
		if size < 0 {
			break
		}
		if number == batchEvents && kind == protowire.BytesType {
			if index == 0 {
				return append(event.AppendVersion(nil), rest[:tag+size]...)
			}
			index--
		}
		rest = rest[tag+size:]
	}
	return []byte(batch)
}
