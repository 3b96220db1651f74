package histogram

import (
	"math"
	"time"
)

// The range of a Recorder. It begins at a power of two below 1 us, so that it is 28 whole doublings.
const (
	// Scale of a Recorder's histograms: 2^Scale buckets a doubling.
	Scale = 5
	// Longest is the upper end of the last bucket.
	Longest = 256 * time.Second

	firstIndex = -20 << Scale // its bucket begins at 2^-20 s = 0.95 us
	lastIndex  = 8<<Scale - 1 // its bucket ends at 2^8 s
	buckets    = lastIndex - firstIndex + 1

	// shortest is the first nanosecond beyond the lower end of the first bucket.
	shortest = 954 * time.Nanosecond
)

// index returns the bucket of d, which lies within shortest and Longest.
//
// A float's exponent is the doubling, and the bucket within it follows from the mantissa's upper bits and at most
// one comparison, which is exact: no logarithm is computed.
func index(d time.Duration) int {
	bits := math.Float64bits(float64(d) / 1e9) // division by 1e9, as multiplication by 1e-9 misses powers of two
	doubling := int(bits>>52) - 1023
	mantissa := bits & (1<<52 - 1)
	if mantissa == 0 {
		return doubling<<Scale - 1 // a power of two is the upper end of the bucket below
	}
	i := int(nearest[mantissa>>46])
	if mantissa > bounds[i+1] {
		i++
	}
	return doubling<<Scale + i
}

// bounds are the mantissas of 2^(j/32), rounded down: what is greater than bounds[j] lies above that boundary.
var bounds = [1<<Scale + 1]uint64{
	0x0000000000000, 0x059b0d3158574, 0x0b5586cf9890f, 0x11301d0125b50,
	0x172b83c7d517a, 0x1d4873168b9aa, 0x2387a6e756238, 0x29e9df51fdee1,
	0x306fe0a31b715, 0x371a7373aa9ca, 0x3dea64c123422, 0x44e086061892d,
	0x4bfdad5362a27, 0x5342b569d4f81, 0x5ab07dd485429, 0x6247eb03a5584,
	0x6a09e667f3bcc, 0x71f75e8ec5f73, 0x7a11473eb0186, 0x82589994cce12,
	0x8ace5422aa0db, 0x93737b0cdc5e4, 0x9c49182a3f090, 0xa5503b23e255c,
	0xae89f995ad3ad, 0xb7f76f2fb5e46, 0xc199bdd85529c, 0xcb720dcef9069,
	0xd5818dcfba487, 0xdfc97337b9b5e, 0xea4afa2a490d9, 0xf50765b6e4540,
	1 << 52,
}

// nearest[k] is the bucket of the smallest mantissa whose upper six bits are k. A 64th of a doubling is narrower
// than any bucket, so the bucket of another with these bits is the same or the next.
var nearest = [64]uint8{
	0, 0, 1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 7, 8, 9, 9,
	10, 10, 11, 12, 12, 13, 13, 14, 14, 15, 15, 16, 16, 17, 17, 18,
	18, 19, 19, 20, 20, 21, 21, 21, 22, 22, 23, 23, 24, 24, 25, 25,
	25, 26, 26, 27, 27, 27, 28, 28, 29, 29, 29, 30, 30, 30, 31, 31,
}
