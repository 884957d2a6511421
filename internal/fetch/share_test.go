package fetch

import (
	"testing"

	"go.uber.org/zap"
)

// TestFeedsShareTheBuffer: what all feeds may ask for at once is half of the buffer, because each has a chunk waiting and one that is
// worked on; no feed asks for more than its own bound, nor for so little that requests are all there is.
func TestFeedsShareTheBuffer(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for _, tc := range []struct {
		feeds             int
		buffer, partition int
		share, answer     int32
	}{
		{feeds: 0, buffer: 64 * mib, partition: mib, share: mib, answer: 8 * mib},
		{feeds: 12, buffer: 64 * mib, partition: mib, share: mib, answer: 8 * mib},
		{feeds: 32, buffer: 64 * mib, partition: mib, share: mib, answer: 8 * mib},
		{feeds: 64, buffer: 64 * mib, partition: mib, share: mib / 2, answer: 8 * mib},
		{feeds: 2, buffer: 2 * mib, partition: 2 * mib, share: mib / 2, answer: mib / 4},
		{feeds: 1000, buffer: mib, partition: mib, share: minAsk, answer: mib / 8},
		{feeds: 1, buffer: 1 << 30, partition: 1 << 30, share: maxPartitionAsk, answer: maxAnswer},
		{feeds: 1, buffer: 1, partition: 1, share: minAsk, answer: minAsk},
	} {
		f := New(Config{Logger: zap.NewNop(), BufferBytes: tc.buffer, PartitionBytes: tc.partition})
		f.feeds.Store(int64(tc.feeds))
		if share, answer := f.share(), f.answerBytes(); share != tc.share || answer != tc.answer {
			t.Errorf("%d feeds of a buffer of %d: %d each and %d an answer, want %d and %d", tc.feeds, tc.buffer, share, answer, tc.share, tc.answer)
		}
		f.Stop()
	}
}
