package kafka

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// An address that leads to another broker is found out before a request is sent there (KIP-1242), and the list of brokers
// is read again.
func TestAddressOfAnotherBrokerIsFoundOut(t *testing.T) {
	t.Parallel()
	ctx, fake := testContext(t), testCluster(t)
	var mu sync.Mutex
	detour := make(map[string]string)
	lead := func(from, to string) {
		mu.Lock()
		defer mu.Unlock()
		detour[from] = to
	}
	dial := func(ctx context.Context, network, addr string) (net.Conn, error) {
		mu.Lock()
		if to := detour[addr]; to != "" {
			addr = to
		}
		mu.Unlock()
		return (&net.Dialer{}).DialContext(ctx, network, addr)
	}
	cluster := plainCluster(fake)
	cluster.Brokers = cluster.Brokers[:1]
	client := testClient(t, cluster, WithDial(dial))
	brokers, err := client.Brokers(ctx)
	if err != nil || len(brokers) != 3 {
		t.Fatalf("brokers are %v, %v", brokers, err)
	}
	lead(brokers[1].Addr, brokers[2].Addr)
	ask := func(ctx context.Context) error {
		_, err := client.Request(ctx, 1, kmsg.NewPtrListGroupsRequest())
		return err
	}
	if err := ask(ctx); !errors.Is(err, kerr.RebootstrapRequired) || !Retriable(err) {
		t.Fatalf("error is %v, want a retriable REBOOTSTRAP_REQUIRED", err)
	}
	if list := client.candidates(); len(list) != 2 {
		t.Errorf("candidates are %v, want the two others", list)
	}
	lead(brokers[1].Addr, "")
	if err := client.Retry(ctx, ask); err != nil {
		t.Errorf("after the address was mended: %v", err)
	}
}

// An address that two brokers advertise, or that only the bootstrap list has, says nothing of who should answer there.
func TestSharedAddressMeansNoBroker(t *testing.T) {
	t.Parallel()
	m := newMetadataCache(nil)
	m.clusterID = "kraft"
	m.brokers = map[int32]Broker{1: {Node: 1, Addr: "a:1"}, 2: {Node: 2, Addr: "lb:1"}, 3: {Node: 3, Addr: "lb:1"}}
	for addr, want := range map[string]bool{"a:1": true, "lb:1": false, "bootstrap:1": false} {
		if _, node, ok := m.identity(addr); ok != want || (ok && node != 1) {
			t.Errorf("%s is node %d, %v", addr, node, ok)
		}
	}
	m.clusterID = ""
	if _, _, ok := m.identity("a:1"); ok {
		t.Error("a node of an unknown cluster is meant")
	}
}

// What a broker speaks is asked once, remembered, and noticed when it changes.
func TestNewestApiVersionsIsRemembered(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked []int16
	speaks := int16(4)
	b := newFakeBroker(t, nil)
	b.answer = func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		switch r.key {
		case int16(kmsg.ApiVersions):
			mu.Lock()
			defer mu.Unlock()
			asked = append(asked, r.version)
			resp := kmsg.NewPtrApiVersionsResponse()
			resp.ApiKeys = []kmsg.ApiVersionsResponseApiKey{{ApiKey: r.key, MaxVersion: speaks}, {ApiKey: int16(kmsg.Heartbeat), MaxVersion: 4}}
			if r.version > speaks {
				resp.ErrorCode, r.version = kerr.UnsupportedVersion.Code, 0
			}
			return r.reply(resp), nil
		case int16(kmsg.Heartbeat):
			return goodHeartbeat(b, r)
		}
		return b.standard(r)
	}
	client, ctx := testClient(t, b.cluster()), testContext(t)
	reconnect := func(version, first int16) {
		t.Helper()
		mu.Lock()
		speaks, asked = version, nil
		mu.Unlock()
		b.cut()
		if err := client.Retry(ctx, func(ctx context.Context) error {
			_, err := client.Request(ctx, AnyNode, heartbeat())
			return err
		}); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		defer mu.Unlock()
		if asked[0] != first {
			t.Errorf("a broker of version %d was asked in %v, want %d first", version, asked, first)
		}
	}
	reconnect(4, 5)
	reconnect(4, 4)
	reconnect(5, 4) // upgraded, which this answer tells
	reconnect(5, 5)
	reconnect(3, 5) // and put back
	reconnect(3, 3)
}

// A broker that refuses every version does not keep the client asking.
func TestVersionsRefusedWithoutEnd(t *testing.T) {
	t.Parallel()
	asked := 0
	b := newFakeBroker(t, answerTo(kmsg.ApiVersions, func(_ *fakeBroker, r fakeRequest) ([]byte, error) {
		asked++
		resp := kmsg.NewPtrApiVersionsResponse()
		resp.ErrorCode, r.version = kerr.UnsupportedVersion.Code, 0
		resp.ApiKeys = []kmsg.ApiVersionsResponseApiKey{{ApiKey: r.key, MinVersion: -5, MaxVersion: 32767}}
		return r.reply(resp), nil
	}))
	_, err := testClient(t, b.cluster()).dial(testContext(t), "tcp", b.addr())
	if !errors.Is(err, kerr.UnsupportedVersion) || asked > 2 {
		t.Errorf("after %d questions: %v", asked, err)
	}
}

// A cluster that was made anew at the same addresses has another id. Its brokers refuse those of the old one, and the
// client finds the new one by itself.
func TestClusterMadeAnewIsFound(t *testing.T) {
	t.Parallel()
	var id atomic.Pointer[string]
	id.Store(kmsg.StringPtr("old"))
	b := newFakeBroker(t, nil)
	b.answer = func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		switch req := r.req.(type) {
		case *kmsg.ApiVersionsRequest:
			if req.ClusterID != nil && *req.ClusterID != *id.Load() {
				resp := kmsg.NewPtrApiVersionsResponse()
				resp.ErrorCode = kerr.RebootstrapRequired.Code
				return r.reply(resp), nil
			}
		case *kmsg.MetadataRequest:
			resp := b.metadata(req)
			resp.ClusterID = id.Load()
			return r.reply(resp), nil
		case *kmsg.HeartbeatRequest:
			return goodHeartbeat(b, r)
		}
		return b.standard(r)
	}
	client, ctx := testClient(t, b.cluster()), testContext(t)
	for _, cluster := range []string{"old", "new"} {
		id.Store(&cluster)
		b.cut()
		if err := client.Retry(ctx, func(ctx context.Context) error {
			_, err := client.Request(ctx, 1, heartbeat())
			return err
		}); err != nil {
			t.Fatalf("cluster %s: %v", cluster, err)
		}
		if client.metadata.clusterID != cluster {
			t.Errorf("cluster is %q, want %q", client.metadata.clusterID, cluster)
		}
	}
}
