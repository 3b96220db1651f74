// Package state is keyed state that changes with the settling of the events that it is made of: in the same script,
// so that it is exact whatever crashes. It lives in one hash a pipeline and partition, millrace:1:{pN}:state:<pipeline>:
//
//	n:<key>   the sum of the Counts that events added under <key>
//	other     the sum of those whose key found no place among MaxKeys
//
// A key always has the prefix, so an event type that is called "other" is counted in n:other and collides with nothing.
package state

import "strings"

// CountPipeline is the built-in pipeline, which always runs: it counts events by type.
const CountPipeline = "count"

// MaxKeys bounds the keys of one hash: a key that a sender chooses may not grow state without bound.
const MaxKeys = 10_000

// OtherField is the field that counts what came after MaxKeys other keys.
const OtherField = "other"

const countPrefix = "n:"

// Add is what one event contributes.
type Add struct {
	Key string
	// Count is added under Key; it is not negative.
	Count int64
}

// Field is the field of the hash that counts key.
func Field(key string) string { return countPrefix + key }

// Key is the key that a field counts; false if it is not the field of a key.
func Key(field string) (key string, ok bool) { return strings.CutPrefix(field, countPrefix) }
