package doctor

import (
	"fmt"
	"strconv"
	"time"
)

// How numbers are written in findings.

type integer interface{ int | uint64 }

func number[N integer](n N) string { return strconv.FormatUint(uint64(n), 10) }

// plural is "1 event waits" or "5 events wait".
func plural[N integer](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}

func rate(perSecond float64) string {
	if perSecond < 10 {
		return fmt.Sprintf("%.1f/s", perSecond)
	}
	return fmt.Sprintf("%.0f/s", perSecond)
}

// percent is how much of b a is.
func percent(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return 100 * a / b
}

// size is a number of bytes.
func size(bytes uint64) string { return fmt.Sprintf("%.0f MiB", float64(bytes)/(1<<20)) }

func seconds(s float64) string {
	if s < 10 {
		return fmt.Sprintf("%.1f s", s)
	}
	return fmt.Sprintf("%.0f s", s)
}

func duration(d time.Duration) string {
	return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
}

// milliseconds of a figure that may not be known.
func milliseconds(ms *float64) string {
	if ms == nil {
		return "not known"
	}
	return fmt.Sprintf("%.1f ms", *ms)
}
