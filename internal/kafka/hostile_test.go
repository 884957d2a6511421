package kafka

import (
	"context"
	"encoding/binary"
	"runtime"
	"strings"
	"sync"
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

// What a fetch answer says of partitions nobody asked for costs neither memory nor time.
func TestFetchAnswerAboutOtherPartitionsIsRefused(t *testing.T) {
	const claimed = 300_000
	for name, fill := range map[string]func(resp *kmsg.FetchResponse){
		"topics": func(resp *kmsg.FetchResponse) { resp.Topics = make([]kmsg.FetchResponseTopic, claimed) },
		"partitions": func(resp *kmsg.FetchResponse) {
			resp.Topics = []kmsg.FetchResponseTopic{{Topic: "flights", Partitions: make([]kmsg.FetchResponseTopicPartition, claimed)}}
		},
	} {
		resp := kmsg.NewPtrFetchResponse()
		resp.Version = 12
		fill(resp)
		body := resp.AppendTo(nil)
		req := &FetchRequest{}
		for i := range int32(1000) {
			req.Partitions = append(req.Partitions, FetchPartition{Topic: "flights", Partition: i})
		}
		m := newFetchMessage(req, 100<<20, new(sync.Pool))
		var err error
		if took := allocated(func() { err = m.parse(12, body) }); err == nil || took > 1<<20 {
			t.Errorf("%s: %v, after taking %d KiB", name, err, took>>10)
		}
	}
}

func TestBrokersWordsAreCutAndQuotedInErrors(t *testing.T) {
	t.Parallel()
	b := newFakeBroker(t, answerTo(kmsg.FindCoordinator, func(_ *fakeBroker, r fakeRequest) ([]byte, error) {
		resp := kmsg.NewPtrFindCoordinatorResponse()
		found := kmsg.NewFindCoordinatorResponseCoordinator()
		found.Key, found.ErrorCode = "delays", 30
		found.ErrorMessage = kmsg.StringPtr("\x1b[2J" + strings.Repeat("no ", 10_000))
		resp.Coordinators = append(resp.Coordinators, found)
		return r.reply(resp), nil
	}))
	_, err := testClient(t, b.cluster()).Coordinator(testContext(t), GroupCoordinator, "delays")
	if err == nil || len(err.Error()) > 1000 || strings.Contains(err.Error(), "\x1b") || !strings.Contains(err.Error(), `\x1b[2Jno no`) {
		t.Errorf("error is %.200v", err)
	}
}
