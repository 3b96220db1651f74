package stats

import (
	"maps"
	"slices"
	"strings"
	"time"

	"millrace.dev/pkg/histogram"
)

// Report is what one instance says of itself at one time. It is never changed once it is made.
type Report struct {
	Instance, Service, Version, DebugAddr string
	// Started names the life of the instance; At is when the figures were read, by the instance's clock. At is zero in
	// a report without figures.
	Started, At time.Time
	// Sums only grow while an instance lives; Gauges go up and down.
	Sums, Gauges map[Series]float64
	Histograms   map[Series]histogram.Histogram
	// Deltas are the series of this report that say what was added since the one before. The registry adds them up.
	Deltas map[Series]bool
}

// Series is a metric's name with its attributes.
type Series struct {
	Name string
	// attrs are `key NUL value NUL`, sorted by key.
	attrs string
}

// newSeries makes a series of pairs of key and value.
func newSeries(name string, pairs ...string) Series {
	attrs := make(map[string]string, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		attrs[pairs[i]] = pairs[i+1]
	}
	return seriesOf(name, attrs)
}

func seriesOf(name string, attrs map[string]string) Series {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(attrs)) {
		b.WriteString(key + "\x00" + attrs[key] + "\x00")
	}
	return Series{Name: name, attrs: b.String()}
}

// attr returns the value of an attribute, "" if there is none.
func (s Series) attr(key string) string {
	parts := strings.Split(s.attrs, "\x00")
	for i := 0; i+1 < len(parts); i += 2 {
		if parts[i] == key {
			return parts[i+1]
		}
	}
	return ""
}

// overflow is the series that takes what found no place of its own; the attribute is OpenTelemetry's.
func (s Series) overflow() Series { return newSeries(s.Name, "otel.metric.overflow", "true") }

// sum adds up all series of a metric that match.
func sum(figures map[Series]float64, name string, match func(Series) bool) (total float64, known bool) {
	for s, v := range figures {
		if s.Name == name && (match == nil || match(s)) {
			total += v
			known = true
		}
	}
	return total, known
}
