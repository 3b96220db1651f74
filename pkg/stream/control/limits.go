package control

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"millrace.dev/pkg/stream"
)

// ErrLimit is in every error about a limit that is not one, or a value that it can't have.
var ErrLimit = errors.New("limits")

// SetLimits sets limits on all gateways, in place of their own flags, and removes others that were set, which gives
// the flags back their say. Its error names all faults.
func SetLimits(
	ctx context.Context, s *stream.Stream, set map[Limit]float64, remove []Limit, by, why string,
) (version uint64, err error) {
	if err := errors.Join(CheckLimits(set, remove), CheckWhy(why)); err != nil {
		return 0, err
	}
	what, args := []string{}, []any{len(set)}
	for _, name := range slices.Sorted(maps.Keys(set)) {
		value := strconv.FormatFloat(set[name], 'f', -1, 64)
		args = append(args, string(name), value)
		what = append(what, string(name)+"="+value)
	}
	for _, name := range remove {
		args = append(args, string(name))
		what = append(what, string(name)+" off")
	}
	return run(ctx, s, limitsScript, Change{By: by, What: "limited " + strings.Join(what, ", "), Why: why}, args...)
}

// CheckLimits says all that is wrong with a change of limits.
func CheckLimits(set map[Limit]float64, remove []Limit) error {
	var faults []error
	fault := func(name Limit, format string, args ...any) {
		faults = append(faults, fmt.Errorf("%w: %.40s: "+format, append([]any{ErrLimit, name}, args...)...))
	}
	known := Limits()
	for _, name := range slices.Sorted(maps.Keys(set)) {
		switch value := set[name]; {
		case !slices.Contains(known, name):
			fault(name, "there is no such limit; there are %s", names())
		case math.IsNaN(value) || math.IsInf(value, 0) || value < 0:
			fault(name, "%v is no value; 0 is no limit", value)
		}
	}
	for _, name := range remove {
		switch _, both := set[name]; {
		case both:
			fault(name, "it is to be set and removed")
		case !slices.Contains(known, name):
			fault(name, "there is no such limit; there are %s", names())
		}
	}
	if len(set)+len(remove) == 0 {
		faults = append(faults, fmt.Errorf("%w: none is named; there are %s", ErrLimit, names()))
	}
	return errors.Join(faults...)
}

func names() string {
	var all []string
	for _, l := range Limits() {
		all = append(all, string(l))
	}
	return strings.Join(all, ", ")
}
