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

// options has the mappers of numbers, durations and choices report here instead of failing.
func (v *values) options() []kong.Option {
	known := kong.NewRegistry().RegisterDefaults()
	options := []kong.Option{kong.TypeMapper(reflect.TypeFor[time.Duration](), v.collect(known.ForType(reflect.TypeFor[time.Duration]())))}
	for _, t := range []reflect.Type{reflect.TypeFor[int](), reflect.TypeFor[int64](), reflect.TypeFor[uint64](), reflect.TypeFor[float64]()} {
		options = append(options, kong.KindMapper(t.Kind(), v.collect(known.ForType(t))))
	}
	return append(options, kong.KindMapper(reflect.String, v.choose(known.ForType(reflect.TypeFor[string]()))))
}

// choose reports a text that is none of those its flag takes. kong looks at that once all is read, and says nothing of
// the rest then, so in place of a wrong text it finds one that is right.
func (v *values) choose(m kong.Mapper) kong.Mapper {
	return kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		if err := m.Decode(ctx, target); err != nil {
			return err
		}
		choices := ctx.Value.EnumSlice()
		if ctx.Value.Enum == "" || slices.Contains(choices, target.String()) {
			return nil
		}
		v.note(ctx.Value.Name, fmt.Errorf("%.100q is none of %s", target.String(), strings.Join(choices, ", ")))
		target.SetString(choices[0])
		return nil
	})
}

// note keeps what is wrong with a flag.
func (v *values) note(name string, fault error) {
	v.flags = append(v.flags, "--"+name+":")
	v.faults = append(v.faults, fmt.Errorf("--%s: %w", name, fault))
}

func (v *values) collect(m kong.Mapper) kong.Mapper {
	return kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		if err := m.Decode(ctx, target); err != nil {
			v.note(ctx.Value.Name, err)
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
