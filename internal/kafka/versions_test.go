package kafka

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
)

func TestVersionIsTheNewestThatBothSpeak(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		broker versionRange
		want   int16
		fails  bool
	}{
		"newer broker":       {versionRange{0, 18}, 13, false},
		"older broker":       {versionRange{4, 11}, 11, false},
		"too old a broker":   {versionRange{0, 10}, 0, true},
		"too new a broker":   {versionRange{14, 20}, 0, true},
		"API is not offered": {versionRange{-1, -1}, 0, true},
	} {
		offered := apiVersions{int16(kmsg.Fetch): test.broker}
		if test.broker.max < 0 {
			offered = nil
		}
		got, err := offered.choose(int16(kmsg.Fetch), "kafka-1:9092")
		var version *VersionError
		if got != test.want || errors.As(err, &version) != test.fails {
			t.Errorf("%s: version %d, %v", name, got, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "Fetch") || !strings.Contains(err.Error(), "11 to 13") || !strings.Contains(err.Error(), "kafka-1:9092") || Retriable(err)) {
			t.Errorf("%s: error %q lacks the API, our range or the broker", name, err)
		}
	}
}

func TestEverySupportedKafkaPassesPing(t *testing.T) {
	t.Parallel()
	for name, release := range map[string]*kversion.Versions{
		"3.9": kversion.V3_9_0(), "4.0": kversion.V4_0_0(), "4.1": kversion.V4_1_0(), "newest": kversion.Stable(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, client := testContext(t), testClient(t, plainCluster(testCluster(t, kfake.MaxVersions(release))))
			if err := client.Ping(ctx); err != nil {
				t.Fatal(err)
			}
			if _, err := produceOne(ctx, client, "flights", 0, testBatch(0, "one")); err != nil {
				t.Fatal(err)
			}
			answers, err := client.ListOffsets(ctx, false, OffsetQuery{"flights", 0, Latest})
			if err != nil || answers[0].Offset != 1 {
				t.Errorf("latest offset is %+v, %v", answers, err)
			}
		})
	}
}

func TestPingNamesBothVersions(t *testing.T) {
	t.Parallel()
	client := testClient(t, plainCluster(testCluster(t, kfake.MaxVersions(kversion.V1_0_0()))))
	err := client.Ping(testContext(t))
	var version *VersionError
	if !errors.As(err, &version) || Retriable(err) || !strings.Contains(err.Error(), "this client speaks") {
		t.Errorf("error is %v, want a *VersionError with both ranges", err)
	}
}

func TestPingSaysWhatIsWrongWithEachAddress(t *testing.T) {
	t.Parallel()
	b := newFakeBroker(t, nil)
	b.close()
	cluster := b.cluster()
	cluster.Brokers = append(cluster.Brokers, "no-such-host.invalid:9092", newFakeWebServer(t))
	err := testClient(t, cluster).Ping(testContext(t))
	if err == nil {
		t.Fatal("ping of nobody succeeded")
	}
	for _, says := range []string{"refused", "no-such-host.invalid", "HTTP", b.addr()} {
		if !strings.Contains(err.Error(), says) {
			t.Errorf("error does not say %q: %v", says, err)
		}
	}
}

func TestBrokerWithoutNewApiVersionsIsAskedTheOldWay(t *testing.T) {
	t.Parallel()
	b := newFakeBroker(t, nil)
	b.answer = func(b *fakeBroker, r fakeRequest) ([]byte, error) {
		if r.key == int16(kmsg.ApiVersions) && r.version > 0 {
			resp := kmsg.NewPtrApiVersionsResponse()
			resp.ErrorCode = 35
			r.version = 0 // what such a broker answers in
			return r.reply(resp), nil
		}
		if r.key == int16(kmsg.Heartbeat) {
			return goodHeartbeat(b, r)
		}
		return b.standard(r)
	}
	client := testClient(t, b.cluster())
	dialed, err := client.dial(testContext(t), "tcp", b.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = dialed.Close() }()
	if got := dialed.versions[int16(kmsg.Heartbeat)]; got.max != 4 {
		t.Errorf("versions of Heartbeat are %v", got)
	}
}
