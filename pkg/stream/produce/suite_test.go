package produce

import (
	"testing"

	"go.uber.org/goleak"

	"millrace.dev/pkg/stream/streamtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRedis(t *testing.T)    { suite(t, streamtest.Redis) }
func TestEmbedded(t *testing.T) { suite(t, streamtest.Embedded) }

// suite is what holds of both servers.
func suite(t *testing.T, begin func(testing.TB) *streamtest.Server) {
	tests := map[string]func(*testing.T, *streamtest.Server){
		"stored as given, the ledger with it":         testStored,
		"ids count, also beyond 1e14":                 testIDsCount,
		"a resend is recognised":                      testResend,
		"a part that is half stored is cut":           testHalfStored,
		"two connections of a session in one batch":   testTwoParts,
		"gaps in numbers":                             testGaps,
		"a session is resumed in every partition":     testResume,
		"connecting alone makes nothing":              testConnectingMakesNothing,
		"a lost reply is no duplicate":                testLostReply,
		"many sessions in one batch":                  testManySessions,
		"another layout is refused":                   testOtherLayout,
		"a stream that was lost begins anew":          testFlushed,
		"counts are totals":                           testCounts,
		"one of many, racing":                         testRacing,
		"the clock of Redis may go back":              testClockBehind,
		"an appender gives up with its context":       testGivesUp,
		"a claim is made once":                        testClaim,
		"one of many claims, racing":                  testClaimsRace,
		"a claim ends before its marks":               testClaimEnds,
		"ids are those of the request":                testClaimIDs,
		"anonymous parts share the mark of a gateway": testAnonymousMark,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, begin(t)) })
	}
}
