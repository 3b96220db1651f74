package cli

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// values collects what can't be read: kong stops at the first value of the wrong kind, and an operator who has
// three wrong wants to hear of three.
type values struct {
	flags  []string
	faults []error
}

// options has the mappers of numbers and durations report here instead of failing.
func (v *values) options() []kong.Option {
	known := kong.NewRegistry().RegisterDefaults()
	options := []kong.Option{kong.TypeMapper(reflect.TypeFor[time.Duration](), v.collect(known.ForType(reflect.TypeFor[time.Duration]())))}
	for _, t := range []reflect.Type{reflect.TypeFor[int](), reflect.TypeFor[int64](), reflect.TypeFor[uint64](), reflect.TypeFor[float64]()} {
		options = append(options, kong.KindMapper(t.Kind(), v.collect(known.ForType(t))))
	}
	return options
}

func (v *values) collect(m kong.Mapper) kong.Mapper {
	return kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		if err := m.Decode(ctx, target); err != nil {
			v.flags = append(v.flags, "--"+ctx.Value.Name+":")
			v.faults = append(v.faults, fmt.Errorf("--%s: %w", ctx.Value.Name, err))
		}
		return nil
	})
}

// join returns all faults: of values, and what err says beside them. What is said of a value that could not be
// read, because it is zero now, is left out.
func (v *values) join(err error) error {
	if err == nil || len(v.faults) == 0 {
		return errors.Join(append(slices.Clip(v.faults), err)...)
	}
	all := slices.Clone(v.faults)
	for line := range strings.SplitSeq(err.Error(), "\n") {
		if _, rest, ok := strings.Cut(line, ": --"); ok && !strings.HasPrefix(line, "--") { // kong's "up: --partitions: .."
			line = "--" + rest
		}
		if !slices.ContainsFunc(v.flags, func(f string) bool { return strings.HasPrefix(line, f) }) {
			all = append(all, errors.New(line))
		}
	}
	return errors.Join(all...)
}
