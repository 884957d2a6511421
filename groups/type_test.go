package groups_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/groups"
)

// share puts a member into a share group and waits until it is in it.
func (w world) share(group string) (leave func()) {
	w.t.Helper()
	client := w.client(kgo.ShareGroup(group), kgo.ConsumeTopics("orders"))
	w.await(group, "Stable")
	return client.Close
}

// await waits until the cluster lists a group in a state.
func (w world) await(group, state string) {
	w.t.Helper()
	for {
		listed, err := groups.List(w.t.Context(), w.cluster)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, g := range listed {
			if g.Name == group && g.State == state {
				return
			}
		}
	}
}

// connect makes a group of Kafka Connect's workers with one member.
func (w world) connect(group string) {
	w.t.Helper()
	client := w.client()
	join := kmsg.NewPtrJoinGroupRequest()
	join.Group, join.ProtocolType, join.SessionTimeoutMillis, join.RebalanceTimeoutMillis = group, "connect", 30_000, 30_000
	join.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "sessioned"}}
	for {
		joined, err := join.RequestWith(w.t.Context(), client)
		if err == nil {
			err = kerr.ErrorForCode(joined.ErrorCode)
		}
		if errors.Is(err, kerr.MemberIDRequired) {
			join.MemberID = joined.MemberID
			continue
		}
		if err != nil {
			w.t.Fatal(err)
		}
		return
	}
}

// What is not a group of consumers is named, with the tool for it, whether somebody is in it or not.
func TestGroupsThatCommitNothingAreNamed(t *testing.T) {
	t.Parallel()
	w := start(t)
	refused := func(group, kind string, texts ...string) {
		t.Helper()
		_, describe := groups.Describe(t.Context(), w.cluster, group)
		_, plan := groups.PlanSeek(t.Context(), w.cluster, group, groups.Target{Topic: "orders"})
		apply := groups.Apply(t.Context(), w.cluster, groups.Seek{Group: group, Moves: []groups.Move{{Topic: "orders", From: groups.None}}})
		for _, err := range []error{describe, plan, apply} {
			var foreign *groups.TypeError
			if !errors.As(err, &foreign) || foreign.Type != kind || foreign.Group != group {
				t.Errorf("group %s: %v", group, err)
				continue
			}
			for _, text := range texts {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("%q lacks %q", err, text)
				}
			}
		}
	}
	shared := []string{"is a share group (KIP-932)", "kafka-share-groups.sh --bootstrap-server HOST:PORT --describe --group queue", "--reset-offsets"}
	leave := w.share("queue")
	refused("queue", "share", shared...)
	leave()
	w.await("queue", "Empty")
	refused("queue", "share", shared...)

	w.connect("cluster")
	refused("cluster", "connect", "Kafka Connect's workers", "/connectors/NAME/offsets")
}
