package kafka

import (
	"errors"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestFetchWaitsNoLongerThanABrokerMayHoldIt: a broker that says nothing is asked again soon, but an answer that has begun may take as
// long as any other.
func TestFetchWaitsNoLongerThanABrokerMayHoldIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		answer func(*fakeBroker, fakeRequest) ([]byte, error)
		want   time.Duration
	}{
		"silence":           {func(*fakeBroker, fakeRequest) ([]byte, error) { return nil, nil }, time.Second + fetchGrace},
		"begun, never done": {func(*fakeBroker, fakeRequest) ([]byte, error) { return []byte{0, 0}, nil }, time.Second + 30*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newPipeBroker(t, answerTo(kmsg.Fetch, tc.answer))
				client := testClient(t, b.cluster(), WithDial(dialPipes(b)))
				started := time.Now()
				_, err := client.Fetch(t.Context(), 1, &FetchRequest{MaxWait: time.Second})
				if !errors.Is(err, os.ErrDeadlineExceeded) || !Retriable(err) {
					t.Errorf("error is %v, want one that says no answer came in time", err)
				}
				if took := time.Since(started); took != tc.want {
					t.Errorf("waited %v, want %v", took, tc.want)
				}
			})
		})
	}
}
