package kafka

import (
	"context"
	"encoding/binary"
	"runtime"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// allocated is how many bytes fn allocates, in whatever goroutine. The caller must not be a parallel test.
func allocated(fn func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	fn()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// raw frames a body as the answer to a request.
func (r fakeRequest) raw(body ...byte) []byte {
	frame := binary.BigEndian.AppendUint32(nil, uint32(4+len(body)))
	frame = binary.BigEndian.AppendUint32(frame, uint32(r.correlation))
	return append(frame, body...)
}

// A dozen bytes must not reserve memory for what they claim to hold. The counts are such that a failure shows in the
// figures instead of ending the process.
func TestAnswersToThePoolReserveNothingByClaim(t *testing.T) {
	const claim = 4 << 20
	for name, hostile := range map[string]func(r fakeRequest) []byte{
		"ApiVersions": func(r fakeRequest) []byte {
			if r.key == int16(kmsg.ApiVersions) && r.version == 0 {
				return r.raw(binary.BigEndian.AppendUint32([]byte{0, 0}, claim)...)
			}
			return nil
		},
		"Metadata": func(r fakeRequest) []byte {
			if r.key == int16(kmsg.Metadata) && r.version < 9 {
				return r.raw(binary.BigEndian.AppendUint32([]byte{0, 0, 0, 0}, claim)...)
			}
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newFakeBroker(t, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
				if answer := hostile(r); answer != nil {
					return answer, nil
				}
				if r.key == int16(kmsg.Heartbeat) {
					return goodHeartbeat(b, r)
				}
				return b.standard(r)
			})
			client := testClient(t, b.cluster())
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if got := allocated(func() { _, _ = client.Request(ctx, 1, heartbeat()) }); got > 8<<20 {
				t.Errorf("a dozen bytes cost %d MiB", got>>20)
			}
		})
	}
}
