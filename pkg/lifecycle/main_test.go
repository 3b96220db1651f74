package lifecycle

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// asChild makes the test binary the program that TestSecondSignalKills starts.
const asChild = "MILLRACE_TEST_SIGNALS"

func TestMain(m *testing.M) {
	if os.Getenv(asChild) != "" {
		waitForSignals()
		return
	}
	goleak.VerifyTestMain(m)
}
