package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

type faulty struct {
	Count   int           `name:"count" default:"1"`
	Every   time.Duration `name:"every" default:"1s"`
	Share   float64       `name:"share" default:"0.5"`
	Policy  string        `name:"policy" enum:"block,reject" default:"block"`
	Scopes  []string      `name:"scope" enum:"read,admin"`
	checked error
}

func (f faulty) Validate() error { return f.checked }

// All that is wrong is said at once, and once.
func TestAllFaultsAtOnce(t *testing.T) {
	command := faulty{checked: errorf("--count: 0 is less than 1\n--share: too much")}
	var read values
	parser, err := kong.New(&command, read.options()...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse([]string{"--count=many", "--every=often", "--policy=foo", "--scope=read,root"})
	err = read.join(err)
	if err == nil {
		t.Fatal("nothing is wrong")
	}
	for _, want := range []string{"--count: ", "many", "--every: ", "often", "--share: too much",
		`--policy: "foo" is none of block, reject`, `--scope: "root" is none of read, admin`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
	if strings.Contains(err.Error(), "less than 1") {
		t.Errorf("a value that could not be read is complained of twice: %q", err)
	}
}

// A command's own faults come with its name before them.
func TestAllFaultsOfACommand(t *testing.T) {
	command := struct {
		Up faulty `cmd:""`
	}{faulty{checked: errorf("--count: 0 is less than 1\n--share: too much")}}
	var read values
	parser, err := kong.New(&command, read.options()...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse([]string{"up", "--count=many"})
	if err = read.join(err); err == nil || strings.Contains(err.Error(), "less than 1") || !strings.Contains(err.Error(), "--share: too much") {
		t.Errorf("the faults are %q", err)
	}
}

func TestNoFaults(t *testing.T) {
	var command faulty
	var read values
	parser, err := kong.New(&command, read.options()...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse([]string{"--count=3", "--every=2m", "--share=0.25", "--policy=reject", "--scope=admin"})
	if err = read.join(err); err != nil || command.Count != 3 || command.Every != 2*time.Minute || command.Share != 0.25 ||
		command.Policy != "reject" || len(command.Scopes) != 1 || command.Scopes[0] != "admin" {
		t.Errorf("%+v, %v", command, err)
	}
}

type errorf string

func (e errorf) Error() string { return string(e) }
