package kafka

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestBadFramesAreTypedErrorsThatNameTheBroker(t *testing.T) {
	t.Parallel()
	size := func(n uint32, rest ...byte) []byte { return append(binary.BigEndian.AppendUint32(nil, n), rest...) }
	tests := map[string]struct {
		answer   func(good []byte) []byte
		says     string
		notKafka bool
	}{
		"web server":            {func([]byte) []byte { return []byte("HTTP/1.1 400 Bad Request\r\n\r\n") }, "HTTP", true},
		"TLS alert":             {func([]byte) []byte { return []byte{0x15, 0x03, 0x03, 0, 2, 2, 70} }, "KAFKA_TLS_ENABLED", true},
		"size negative":         {func([]byte) []byte { return size(0xffffffff) }, "too short", false},
		"size zero":             {func([]byte) []byte { return size(0) }, "too short", false},
		"size huge":             {func([]byte) []byte { return size(0x7fffffff, 1, 2, 3) }, "over the limit", false},
		"large for its kind":    {func([]byte) []byte { return size(1<<20, 1, 2, 3) }, "over the limit", false},
		"other correlation":     {func(good []byte) []byte { g := bytes.Clone(good); g[7] ^= 0x55; return g }, "answers request", false},
		"header cut":            {func(good []byte) []byte { return append(size(4), good[4:8]...) }, "cut short", false},
		"header tags run away":  {func(good []byte) []byte { return append(append(size(6), good[4:8]...), 0xff, 0xff) }, "cut short", false},
		"body cut":              {func(good []byte) []byte { return append(append(size(7), good[4:8]...), 0, 0, 0) }, "cut short", false},
		"flexible tags invalid": {func(good []byte) []byte { return append(append(size(5), good[4:8]...), 0x80) }, "cut short", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newFakeBroker(t, answerTo(kmsg.Heartbeat, func(_ *fakeBroker, r fakeRequest) ([]byte, error) {
				return test.answer(r.reply(kmsg.NewPtrHeartbeatResponse())), nil
			}))
			client := testClient(t, b.cluster())
			_, err := client.Request(testContext(t), 1, heartbeat())
			var frame *FrameError
			if !errors.As(err, &frame) {
				t.Fatalf("error is %v, want a *FrameError", err)
			}
			if !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), b.addr()) {
				t.Errorf("error %q does not say %q and name %s", err, test.says, b.addr())
			}
			if frame.NotKafka != test.notKafka || Retriable(err) == test.notKafka {
				t.Errorf("NotKafka is %v and Retriable %v for %v", frame.NotKafka, Retriable(err), err)
			}
		})
	}
}

func TestConnectionAfterABadFrameIsAnotherOne(t *testing.T) {
	t.Parallel()
	var once sync.Once
	b := newFakeBroker(t, answerTo(kmsg.Heartbeat, func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		answer, err := goodHeartbeat(b, r)
		once.Do(func() { answer[7] ^= 1 })
		return answer, err
	}))
	client, ctx := testClient(t, b.cluster()), testContext(t)
	if _, err := client.Request(ctx, 1, heartbeat()); err == nil {
		t.Fatal("answer with another request's correlation id was accepted")
	}
	if _, err := client.Request(ctx, 1, heartbeat()); err != nil {
		t.Errorf("next request: %v", err)
	}
}

func TestLargeAnswerArrivesWhole(t *testing.T) {
	t.Parallel()
	metadata := strings.Repeat("x", 5<<20)
	b := newFakeBroker(t, answerTo(kmsg.SyncGroup, func(_ *fakeBroker, r fakeRequest) ([]byte, error) {
		resp := kmsg.NewPtrSyncGroupResponse()
		resp.MemberAssignment = []byte(metadata)
		return r.reply(resp), nil
	}))
	client := testClient(t, b.cluster())
	resp, err := client.Request(testContext(t), 1, kmsg.NewPtrSyncGroupRequest())
	if err != nil {
		t.Fatal(err)
	}
	if got := resp.(*kmsg.SyncGroupResponse).MemberAssignment; string(got) != metadata {
		t.Errorf("assignment of %d bytes, want %d", len(got), len(metadata))
	}
}
