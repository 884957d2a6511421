package kafka

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace"
)

// fakeBroker is a broker on loopback whose every answer is scripted, bad ones included. It leads all partitions.
type fakeBroker struct {
	t        *testing.T
	address  string
	listener net.Listener // nil for a broker behind pipes
	wait     sync.WaitGroup

	mu     sync.Mutex
	conns  map[net.Conn]struct{}
	closed bool

	// answer returns the bytes to send for a request, header and length included; nil sends nothing, io.EOF closes
	// the connection. Without it, standard answers.
	answer func(b *fakeBroker, r fakeRequest) ([]byte, error)
	// versions replaces the API versions offered.
	versions []kmsg.ApiVersionsResponseApiKey
}

type fakeRequest struct {
	key, version int16
	correlation  int32
	req          kmsg.Request
}

func newFakeBroker(t *testing.T, answer func(*fakeBroker, fakeRequest) ([]byte, error)) *fakeBroker {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &fakeBroker{t: t, address: listener.Addr().String(), listener: listener, conns: make(map[net.Conn]struct{}), answer: answer}
	b.wait.Go(b.accept)
	t.Cleanup(b.close)
	return b
}

// newPipeBroker is a fake broker without a network, so that time stands still in a synctest bubble while anything is left to do. Only
// dialPipes reaches it.
func newPipeBroker(t *testing.T, answer func(*fakeBroker, fakeRequest) ([]byte, error)) *fakeBroker {
	t.Helper()
	b := &fakeBroker{t: t, address: "127.0.0.1:1", conns: make(map[net.Conn]struct{}), answer: answer}
	t.Cleanup(b.close)
	return b
}

// dialPipes dials pipe brokers by their addresses.
func dialPipes(brokers ...*fakeBroker) func(context.Context, string, string) (net.Conn, error) {
	return func(_ context.Context, _, addr string) (net.Conn, error) {
		for _, b := range brokers {
			if b.addr() == addr {
				client, server := net.Pipe()
				b.take(server)
				return client, nil
			}
		}
		return nil, syscall.ECONNREFUSED
	}
}

func (b *fakeBroker) addr() string              { return b.address }
func (b *fakeBroker) cluster() headrace.Cluster { return headrace.Cluster{Brokers: []string{b.addr()}} }

func (b *fakeBroker) close() {
	if b.listener != nil {
		_ = b.listener.Close()
	}
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.cut()
	b.wait.Wait()
}

// cut closes every connection.
func (b *fakeBroker) cut() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range b.conns {
		_ = c.Close()
	}
}

func (b *fakeBroker) accept() {
	for {
		c, err := b.listener.Accept()
		if err != nil {
			return
		}
		b.take(c)
	}
}

// take serves a connection, unless the broker is closed, which waits for those taken before.
func (b *fakeBroker) take(c net.Conn) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		_ = c.Close()
		return
	}
	b.conns[c] = struct{}{}
	b.wait.Go(func() {
		b.serve(c)
		b.mu.Lock()
		delete(b.conns, c)
		b.mu.Unlock()
		_ = c.Close()
	})
}

func (b *fakeBroker) serve(c net.Conn) {
	for {
		var size [4]byte
		if _, err := io.ReadFull(c, size[:]); err != nil {
			return
		}
		frame := make([]byte, binary.BigEndian.Uint32(size[:]))
		if _, err := io.ReadFull(c, frame); err != nil {
			return
		}
		r := parseFakeRequest(frame)
		answer, err := b.answer(b, r)
		if err != nil {
			return
		}
		if answer == nil {
			continue
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

func parseFakeRequest(frame []byte) fakeRequest {
	w := wireReader{src: frame}
	r := fakeRequest{key: w.int16(), version: w.int16(), correlation: w.int32()}
	w.string(false)
	if r.req = kmsg.RequestForKey(r.key); r.req == nil {
		return r
	}
	r.req.SetVersion(r.version)
	if r.req.IsFlexible() {
		w.skipTags()
	}
	_ = r.req.ReadFrom(w.src)
	return r
}

// standard answers what every client asks for; the topic "flights" has two partitions.
func (b *fakeBroker) standard(r fakeRequest) ([]byte, error) {
	switch req := r.req.(type) {
	case *kmsg.ApiVersionsRequest:
		resp := kmsg.NewPtrApiVersionsResponse()
		resp.ApiKeys = b.versions
		for key := int16(0); b.versions == nil && key < 80; key++ {
			if known := kmsg.RequestForKey(key); known != nil {
				resp.ApiKeys = append(resp.ApiKeys, kmsg.ApiVersionsResponseApiKey{ApiKey: key, MaxVersion: known.MaxVersion()})
			}
		}
		return r.reply(resp), nil
	case *kmsg.MetadataRequest:
		return r.reply(b.metadata(req)), nil
	}
	return nil, io.EOF
}

func (b *fakeBroker) metadata(req *kmsg.MetadataRequest) *kmsg.MetadataResponse {
	resp := kmsg.NewPtrMetadataResponse()
	host, port, _ := net.SplitHostPort(b.addr())
	number, _ := strconv.Atoi(port)
	resp.Brokers = []kmsg.MetadataResponseBroker{{NodeID: 1, Host: host, Port: int32(number)}}
	resp.ControllerID = 1
	for _, t := range req.Topics {
		topic := kmsg.NewMetadataResponseTopic()
		topic.Topic = t.Topic
		for id := range int32(2) {
			p := kmsg.NewMetadataResponseTopicPartition()
			p.Partition, p.Leader, p.LeaderEpoch = id, 1, 3
			topic.Partitions = append(topic.Partitions, p)
		}
		resp.Topics = append(resp.Topics, topic)
	}
	return resp
}

// reply frames a response to the request.
func (r fakeRequest) reply(resp kmsg.Response) []byte {
	resp.SetVersion(r.version)
	dst := binary.BigEndian.AppendUint32([]byte{0, 0, 0, 0}, uint32(r.correlation))
	if resp.IsFlexible() && r.key != int16(kmsg.ApiVersions) {
		dst = append(dst, 0)
	}
	dst = resp.AppendTo(dst)
	binary.BigEndian.PutUint32(dst, uint32(len(dst)-4))
	return dst
}
