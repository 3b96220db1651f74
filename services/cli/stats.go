package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
)

// Stats prints how the pipeline is doing.
type Stats struct {
	Target `embed:""`
	JSON   bool `name:"json" help:"As the gateway's /api/stats has it."`

	Out io.Writer `kong:"-"`
}

// Run asks the gateway and prints the answer.
func (s Stats) Run(ctx context.Context) error {
	var raw json.RawMessage
	if err := s.ask(ctx, "/api/stats", &raw); err != nil {
		return err
	}
	if s.JSON {
		_, err := fmt.Fprintf(s.Out, "%s\n", raw)
		return err
	}
	var f figures
	if err := json.Unmarshal(raw, &f); err != nil {
		return fmt.Errorf("reading /api/stats: %w", err)
	}
	return f.print(s.Out)
}

// print lays the figures out as a person reads them: unknown is "-", never 0.
func (f figures) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	t := f.Totals
	if f.Time != nil {
		fmt.Fprintf(w, "at\t%s\n", f.Time.Format("2006-01-02 15:04:05 MST"))
	}
	fmt.Fprintf(w, "rates\tin %s/s\tout %s/s\n", float(f.Rates.In, 0), float(f.Rates.Out, 0))
	fmt.Fprintf(w, "totals\taccepted %s\tduplicates %s\trejected %s\tdropped %s\n",
		count(t.Accepted), count(t.Duplicates), count(t.Rejected), count(t.Dropped))
	fmt.Fprintf(w, "\tprocessed %s\tfiltered %s\tretried %s\tdead %s\tpending %s\n",
		count(t.Processed), count(t.Filtered), count(t.Retried), count(t.Dead), count(t.Pending))
	f.Latency.Ack.print(w, "ack")
	f.Latency.EndToEnd.print(w, "end to end")
	f.Latency.Handler.print(w, "handler")
	fmt.Fprintf(w, "buffer\t%s of %s\n", count(f.Buffer.Size), count(f.Buffer.Capacity))
	fmt.Fprintf(w, "connections\twebsocket %s\tsse %s\n", count(f.Connections.WebSocket), count(f.Connections.SSE))
	for _, p := range f.Pipelines {
		fmt.Fprintf(w, "pipeline %s\tlag %s\t%s s\tpending %s\tprocessed %s\n",
			p.Name, count(p.LagEvents), float(p.LagSeconds, 1), count(p.Pending), count(p.Processed))
	}
	for _, i := range f.Instances {
		state := "down"
		if i.Up {
			state = "up"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\tsince %s\n", i.Service, i.ID, state, i.Started.Format("2006-01-02 15:04:05"))
	}
	for _, row := range f.Types[:min(len(f.Types), shownTypes)] {
		fmt.Fprintf(w, "type\t%s\t%d\n", row.Type, row.Count)
	}
	return w.Flush()
}

func (q quantiles) print(w io.Writer, name string) {
	fmt.Fprintf(w, "%s ms\tp50 %s\tp95 %s\tp99 %s\n", name, float(q.P50, 2), float(q.P95, 2), float(q.P99, 2))
}

// shownTypes is how many types are printed.
const shownTypes = 10

func count(n *uint64) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatUint(*n, 10)
}

func float(x *float64, digits int) string {
	if x == nil {
		return "-"
	}
	return strconv.FormatFloat(*x, 'f', digits, 64)
}
