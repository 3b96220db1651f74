package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"text/tabwriter"

	"millrace.dev/pkg/stream/control"
)

// Limit sets limits on all gateways, or shows them.
type Limit struct {
	Target `embed:""`
	Rates  []string          `arg:"" optional:"" name:"rate" help:"Events (5000/s) or bytes (10MB/s) a second, or off: no limit that was set at run time holds any more."`
	Per    string            `name:"per" env:"-" enum:"credential,address" default:"credential" help:"Whose rate: that of each credential or of each address."`
	Set    map[string]string `name:"set" env:"-" placeholder:"NAME=VALUE" help:"Set a limit by its name; the value off removes it."`
	Why    string            `name:"why" env:"-" placeholder:"TEXT" help:"Why: recorded and shown, 200 characters at most."`

	Out io.Writer `kong:"-"`
}

// Help is what kong shows below the summary.
func (Limit) Help() string {
	return `Without arguments: what is in force. Rates are a second and gateway: with three gateways a client may reach three times
as much. Units of bytes: B, kB, MB, GB (powers of 1000), KiB, MiB, GiB (of 1024). 0 is no limit; what is removed is as
the gateway's own flags say.

  millrace limit 5000/s                  events of each credential; clients without a key are one
  millrace limit 10MB/s --per address    bytes of each address
  millrace limit --set connections=100 --set sessions-per-address=5
  millrace limit --set connections=off   as the gateways' flags say
  millrace limit off                     so with all

Names: ` + strings.Join(limitNames(), ", ") + "."
}

func limitNames() []string {
	var names []string
	for _, name := range control.Limits() {
		names = append(names, string(name))
	}
	return names
}

// Run sets what is named and prints what is in force then.
func (l Limit) Run(ctx context.Context) error {
	changes, err := l.changes()
	if err = errors.Join(err, checkWhy(l.Why)); err != nil {
		return usage("%w", err)
	}
	var now inForce
	if len(changes) == 0 {
		err = l.tell(ctx, http.MethodGet, "/api/control", nil, &now)
	} else {
		err = l.tell(ctx, http.MethodPost, "/api/control/limits", limitsBody{changes, l.Why}, &now)
	}
	if err != nil {
		return err
	}
	return now.print(l.Out)
}

// limitsBody is the body of a change; nil removes what was set.
type limitsBody struct {
	Limits map[control.Limit]*float64 `json:"limits"`
	Why    string                     `json:"why,omitempty"`
}

// changes are those that the command line names; its error names all that is wrong.
func (l Limit) changes() (map[control.Limit]*float64, error) {
	changes := map[control.Limit]*float64{}
	if slices.Contains(l.Rates, "off") {
		if len(l.Rates) > 1 || len(l.Set) > 0 {
			return nil, errors.New("off stands alone, without other rates and without --set: it removes all")
		}
		for _, name := range control.Limits() {
			changes[name] = nil
		}
		return changes, nil
	}
	var faults []error
	add := func(name control.Limit, value *float64, err error) {
		if _, twice := changes[name]; twice && err == nil {
			err = fmt.Errorf("%s: it is given twice", name)
		}
		faults = append(faults, err)
		changes[name] = value
	}
	for _, text := range l.Rates {
		value, bytes, err := parseRate(text)
		add(limitOf(bytes, l.Per), &value, err)
	}
	for _, name := range slices.Sorted(maps.Keys(l.Set)) {
		value, err := parseLimit(control.Limit(name), l.Set[name])
		if err != nil {
			err = fmt.Errorf("--set: %w", err)
		}
		add(control.Limit(name), value, err)
	}
	return changes, errors.Join(faults...)
}

// limitOf is the limit that a rate is meant for.
func limitOf(bytes bool, per string) control.Limit {
	switch {
	case bytes && per == "address":
		return control.BytesPerAddress
	case bytes:
		return control.BytesPerCredential
	case per == "address":
		return control.EventsPerAddress
	}
	return control.EventsPerCredential
}

// print shows every limit, and who set those that were set at run time.
func (f inForce) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, name := range control.Limits() {
		value, known := f.InForce[name]
		from := ""
		if _, set := f.Limits[name]; set {
			from = "set at run time"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n", name, formatLimit(name, value, known), from)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if f.LimitsChange != nil {
		fmt.Fprintf(out, "changed %s (%s)\n", since(*f.LimitsChange), f.LimitsChange.What)
	}
	if f.Lost {
		fmt.Fprintln(out, "Redis has lost what operators said; this is what the gateway remembers. Set it anew.")
	}
	fmt.Fprintln(out, f.intake())
	return nil
}
