package event

import (
	crand "crypto/rand"
	"encoding/hex"
	"math/rand/v2"
	"time"
)

// idLength is the length of a UUID as text: 32 hexadecimal digits and four hyphens.
const idLength = 36

// IDs makes UUIDs of version 7 (RFC 9562, 5.7) that grow: within one generator each sorts after the one before it,
// also when the clock stands still or goes back. That is method 2 of RFC 9562, 6.2: 74 random bits are drawn each
// millisecond and incremented by a random step within it, so that ids of one generator can't be guessed from one
// another and those of many don't collide.
//
// A generator is not locked: there is one for each session.
type IDs struct {
	source *rand.ChaCha8
	// millis is the timestamp of the last id; it is ahead of the clock if that went back.
	millis int64
	// high holds 12 random bits (rand_a), low 62 (rand_b).
	high, low uint64
}

const (
	highMask = 1<<12 - 1
	lowMask  = 1<<62 - 1
	stepMask = 1<<32 - 1
)

// NewIDs returns a generator seeded by the operating system.
func NewIDs() *IDs {
	var seed [32]byte
	_, _ = crand.Read(seed[:]) // never fails: it ends the process instead
	return &IDs{source: rand.NewChaCha8(seed)}
}

// Append appends the next id as text; now is what its timestamp tells.
func (g *IDs) Append(dst []byte, now time.Time) []byte {
	if ms := now.UnixMilli(); ms > g.millis {
		g.draw(ms)
	} else {
		g.step()
	}
	id := g.bytes()
	return appendUUID(dst, &id)
}

// draw begins a millisecond. The topmost bit starts as 0, so that steps have room (RFC 9562, 6.2).
func (g *IDs) draw(ms int64) {
	g.millis = ms
	g.high = g.source.Uint64() & (highMask >> 1)
	g.low = g.source.Uint64() & lowMask
}

// step increments within the millisecond, or runs ahead of the clock if the bits are used up.
func (g *IDs) step() {
	g.low += g.source.Uint64()&stepMask + 1
	g.high += g.low >> 62
	g.low &= lowMask
	if g.high > highMask {
		g.draw(g.millis + 1)
	}
}

// bytes lays the fields out: 48 bits of time, version 7, rand_a, variant 10, rand_b.
func (g *IDs) bytes() (id [16]byte) {
	ms := uint64(g.millis)
	id = [16]byte{byte(ms >> 40), byte(ms >> 32), byte(ms >> 24), byte(ms >> 16), byte(ms >> 8), byte(ms),
		0x70 | byte(g.high>>8), byte(g.high), 0x80 | byte(g.low>>56)}
	for i := range 7 {
		id[9+i] = byte(g.low >> (48 - 8*i))
	}
	return id
}

func appendUUID(dst []byte, id *[16]byte) []byte {
	dst = append(hex.AppendEncode(dst, id[:4]), '-')
	dst = append(hex.AppendEncode(dst, id[4:6]), '-')
	dst = append(hex.AppendEncode(dst, id[6:8]), '-')
	dst = append(hex.AppendEncode(dst, id[8:10]), '-')
	return hex.AppendEncode(dst, id[10:])
}
