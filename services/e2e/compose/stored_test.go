//go:build compose

package compose_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	millrace "millrace.dev/proto/gen/millrace/v1"
)

// partitions of a new stream, as DESIGN.md has it.
const partitions = 8

// stored counts how often each event id lies in the stream. It asks Redis's own client and decodes by the generated
// code: nothing of what is tested here takes part.
func stored(t *testing.T, s stack) map[string]int {
	t.Helper()
	found := map[string]int{}
	for p := range partitions {
		key := fmt.Sprintf("millrace:1:{p%d}:events", p)
		for _, entry := range batches(t, s.compose(t, "exec", "-T", "redis", "redis-cli", "--no-raw", "XRANGE", key, "-", "+")) {
			var batch millrace.EventBatch
			if err := proto.Unmarshal([]byte(entry), &batch); err != nil {
				t.Fatalf("%s holds what is no batch: %v", key, err)
			}
			for _, e := range batch.GetEvents() {
				found[e.GetId()]++
			}
		}
	}
	return found
}

// batches takes the values of field b out of what redis-cli prints of a range: one quoted string a line, numbered.
func batches(t *testing.T, printed string) []string {
	t.Helper()
	var values []string
	field := ""
	for line := range strings.Lines(printed) {
		_, quoted, found := strings.Cut(line, `"`)
		if !found {
			continue // (empty array)
		}
		text, err := strconv.Unquote(`"` + strings.TrimRight(quoted, "\n"))
		if err != nil {
			t.Fatalf("redis-cli printed %q: %v", line, err)
		}
		if field == "b" {
			values, text = append(values, text), ""
		}
		field = text
	}
	return values
}
