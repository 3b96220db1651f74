package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"millrace.dev/pkg/stream"
	"millrace.dev/services/doctor"
	"millrace.dev/services/doctor/probe"
	"millrace.dev/services/doctor/render"
)

// Doctor prints what is wrong, why, and what to do. It asks stats, through the gateway or itself; if neither
// answers, it looks for itself.
type Doctor struct {
	Target
	StatsAddr string        `name:"stats-addr" default:"127.0.0.1:9000" help:"Where stats listens for gRPC, if the gateway can't be reached."`
	RedisURL  string        `name:"redis-url" env:"REDIS_URL" placeholder:"URL" help:"Redis, if stats can't be reached."`
	From      string        `name:"from" placeholder:"FILE" help:"Examine a snapshot from a file instead."`
	Format    string        `name:"format" enum:"text,json" default:"text" help:"text for people, json for programs."`
	FailOn    string        `name:"fail-on" enum:"warn,crit" default:"crit" help:"From which status on the exit code is not 0."`
	Timeout   time.Duration `name:"timeout" default:"3s" help:"Longest wait for each answer."`

	Out io.Writer `kong:"-"`
}

// Help is what kong shows below the summary.
func (Doctor) Help() string {
	return "Exit codes: 0 all is well (or only warnings), 1 warnings with --fail-on=warn, 2 something is critical, 3 something is unknown."
}

// Run prints the diagnosis; the exit code is its verdict.
func (d Doctor) Run(ctx context.Context) error {
	diagnosis, err := d.diagnose(ctx)
	if err != nil {
		return err
	}
	write := render.Report
	if d.Format == "json" {
		write = render.JSON
	}
	if err := write(d.Out, diagnosis); err != nil {
		return fmt.Errorf("writing the diagnosis: %w", err)
	}
	if code := doctor.ExitCode(diagnosis.Findings, d.FailOn == "warn"); code != ExitOK {
		return Exit{Code: code}
	}
	return nil
}

func (d Doctor) diagnose(ctx context.Context) (doctor.Diagnosis, error) {
	if d.From != "" {
		return d.examine()
	}
	gateway, err := d.http("")
	if err != nil {
		return doctor.Diagnosis{}, err
	}
	return probe.Diagnose(ctx, probe.Config{
		Gateway: gateway, Key: d.Key, Stats: d.StatsAddr,
		Redis: stream.Config{URL: d.RedisURL, Timeout: d.Timeout}, Timeout: d.Timeout,
	}), nil
}

// examine looks at a snapshot that was kept.
func (d Doctor) examine() (doctor.Diagnosis, error) {
	f, err := os.Open(d.From)
	if err != nil {
		return doctor.Diagnosis{}, usage("--from: %v", err)
	}
	defer f.Close()
	s, err := doctor.Read(f)
	if err != nil {
		return doctor.Diagnosis{}, usage("--from: %v", err)
	}
	return doctor.Conclude(s, doctor.Examine(s, nil)), nil
}
