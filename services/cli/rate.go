package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"millrace.dev/pkg/stream/control"
)

// unit is one of bytes.
type unit struct {
	name  string
	bytes float64
}

// units of bytes, the longer names before those that they end with.
var units = []unit{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1},
}

// parseRate reads 5000/s or 10MB/s.
func parseRate(text string) (value float64, bytes bool, err error) {
	amount, perSecond := strings.CutSuffix(text, "/s")
	if !perSecond {
		return 0, false, fmt.Errorf("%q is no rate: 5000/s and 10MB/s are", text)
	}
	if value, bytes, err = parseAmount(amount); err != nil {
		return 0, false, fmt.Errorf("%q is no rate: 5000/s and 10MB/s are", text)
	}
	return value, bytes, nil
}

// parseLimit reads the value of a limit; nil: off. Rates may be written as such.
func parseLimit(name control.Limit, text string) (*float64, error) {
	if !slices.Contains(control.Limits(), name) {
		return nil, fmt.Errorf("%s: there is no such limit; there are %s", name, strings.Join(limitNames(), ", "))
	}
	if text == "off" {
		return nil, nil
	}
	amount := text
	if !isCount(name) {
		amount = strings.TrimSuffix(text, "/s")
	}
	value, bytes, err := parseAmount(amount)
	if err != nil || bytes && !isBytes(name) {
		return nil, fmt.Errorf("%s: %q is no value of it", name, text)
	}
	return &value, nil
}

// isCount says whether a limit is a number of things that are there at a time, and not a rate.
func isCount(name control.Limit) bool {
	return name == control.Connections || name == control.ConnectionsPerAddress
}

func isBytes(name control.Limit) bool {
	return name == control.BytesPerCredential || name == control.BytesPerAddress
}

// parseAmount reads digits, perhaps with a point, and a unit if they are bytes.
func parseAmount(text string) (value float64, bytes bool, err error) {
	factor := 1.0
	for _, u := range units {
		if number, ok := strings.CutSuffix(text, u.name); ok {
			text, factor, bytes = number, u.bytes, true
			break
		}
	}
	if strings.Trim(text, "0123456789.") != "" { // ParseFloat takes NaN, 1e9, 0x1p4 and -1 too
		return 0, false, strconv.ErrSyntax
	}
	value, err = strconv.ParseFloat(text, 64)
	return value * factor, bytes, err
}

// formatLimit is the value of a limit as parseLimit reads it.
func formatLimit(name control.Limit, value float64, known bool) string {
	switch {
	case !known || value == 0:
		return "no limit"
	case isCount(name):
		return strconv.FormatFloat(value, 'f', -1, 64)
	case isBytes(name):
		return formatBytes(value) + "/s"
	}
	return strconv.FormatFloat(value, 'f', -1, 64) + "/s"
}

// formatBytes takes the largest unit in which the value has no fraction.
func formatBytes(value float64) string {
	best := unit{"B", 1}
	for _, u := range units {
		if whole := value / u.bytes; whole >= 1 && whole == float64(int64(whole)) && u.bytes > best.bytes {
			best = u
		}
	}
	return strconv.FormatFloat(value/best.bytes, 'f', -1, 64) + best.name
}
