package consume

import (
	"testing"

	"go.uber.org/goleak"

	"millrace.dev/pkg/stream/streamtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRedis(t *testing.T) {
	suite(t, func(t *testing.T) *streamtest.Server { return streamtest.Redis(t) })
}
func TestEmbedded(t *testing.T) {
	suite(t, func(t *testing.T) *streamtest.Server { return streamtest.Embedded(t) })
}

// suite is what every server must pass.
func suite(t *testing.T, begin func(t *testing.T) *streamtest.Server) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *streamtest.Server)
	}{
		{"every event is settled once", testEveryEventOnce},
		{"batches cross entries", testBatchesCrossEntries},
		{"each result is counted", testResults},
		{"an entry that can't be decoded", testUndecodable},
		{"an entry that was deleted by hand", testDeletedByHand},
		{"a handler that panics", testPanic},
		{"a handler that miscounts", testMiscount},
		{"replies that are lost", testLostReplies},
		{"a bad network", testBadNetwork},
		{"a worker that dies", testDeath},
		{"a worker that is slow", testSlow},
		{"a lease that lapses", testLapse},
		{"a drain in time", testDrain},
		{"a drain that takes too long", testDrainTooLong},
		{"handlers follow the load", testScaling},
		{"a drain while handlers become more", testDrainWhileScaling},
		{"a group that vanishes under load", testGroupVanishes},
		{"a group that was never registered", testAdopted},
		{"a pipeline that comes late", testLatePipeline},
		{"a stream that is lost", testStreamLost},
		{"a stream that is another", testOtherStream},
		{"more keys than have a place", testManyKeys},
		{"counts beyond doubles' short form", testLargeCounts},
		{"settling is the owner's", testSettleOwner},
		{"claiming refuses", testClaimRefuses},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, begin(t)) })
	}
}
