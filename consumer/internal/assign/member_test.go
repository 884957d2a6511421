package assign

import (
	"encoding/binary"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestSubscriptionRoundTrip(t *testing.T) {
	t.Parallel()
	m := Member{ID: "m1", InstanceID: "i1", Topics: []string{"b", "a"}, Owned: []Partition{{"b", 3}, {"a", 1}, {"b", 0}}, Generation: 12}
	got, err := ParseSubscription("m1", "i1", AppendSubscription(nil, m))
	if err != nil {
		t.Fatal(err)
	}
	want := Member{ID: "m1", InstanceID: "i1", Topics: []string{"a", "b"}, Owned: []Partition{{"a", 1}, {"b", 0}, {"b", 3}}, Generation: 12}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestSubscriptionBytes pins the bytes that Java's ConsumerProtocol and CooperativeStickyAssignor read: version 1, topics, user
// data holding the generation, owned partitions.
func TestSubscriptionBytes(t *testing.T) {
	t.Parallel()
	got := AppendSubscription(nil, Member{Topics: []string{"t"}, Owned: []Partition{{"t", 2}}, Generation: 5})
	want := slices.Concat(
		[]byte{0, 1},
		[]byte{0, 0, 0, 1, 0, 1, 't'},
		[]byte{0, 0, 0, 4, 0, 0, 0, 5},
		[]byte{0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 1, 0, 0, 0, 2},
	)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestSubscriptionNamesTheWorker pins where the number lies, and that a client which reads the generation alone is not misled.
func TestSubscriptionNamesTheWorker(t *testing.T) {
	t.Parallel()
	raw := AppendSubscription(nil, Member{Topics: []string{"t"}, Generation: 5, Worker: 0x8877665544332211})
	want := []byte{0, 1, 0, 0, 0, 1, 0, 1, 't', 0, 0, 0, 16, 0, 0, 0, 5, 0, 0, 0, 0, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 0, 0, 0, 0}
	if diff := cmp.Diff(want, raw); diff != "" {
		t.Error(diff)
	}
	m, err := ParseSubscription("m", "", raw)
	if err != nil || m.Worker != 0x8877665544332211 || m.Generation != 5 {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestSubscriptionOfOtherClients(t *testing.T) {
	t.Parallel()
	owned := []kmsg.ConsumerMemberMetadataOwnedPartition{{Topic: "t", Partitions: []int32{1}}}
	for _, tc := range []struct {
		name       string
		meta       kmsg.ConsumerMemberMetadata
		generation int32
		owned      []Partition
	}{
		{"version 0 knows no owned partitions", kmsg.ConsumerMemberMetadata{Version: 0, Topics: []string{"t"}}, NoGeneration, nil},
		{"version 1 without user data", kmsg.ConsumerMemberMetadata{Version: 1, Topics: []string{"t"}, OwnedPartitions: owned}, NoGeneration, parts("t", 1)},
		{"version 3 with its own generation", kmsg.ConsumerMemberMetadata{Version: 3, Topics: []string{"t"}, UserData: []byte{0, 0, 0, 3}, OwnedPartitions: owned, Generation: 9}, 9, parts("t", 1)},
		{"version 3 with the generation in the user data", kmsg.ConsumerMemberMetadata{Version: 3, Topics: []string{"t"}, UserData: []byte{0, 0, 0, 3}, OwnedPartitions: owned, Generation: -1}, 3, parts("t", 1)},
		{"a version to come", kmsg.ConsumerMemberMetadata{Version: 9, Topics: []string{"t"}, OwnedPartitions: owned, Generation: 4}, 4, parts("t", 1)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			m, err := ParseSubscription("m", "", tc.meta.AppendTo(nil))
			if err != nil {
				t.Fatal(err)
			}
			if m.Generation != tc.generation || !slices.Equal(m.Owned, tc.owned) || !slices.Equal(m.Topics, []string{"t"}) {
				t.Errorf("got %+v", m)
			}
		})
	}
}

func TestAssignmentRoundTrip(t *testing.T) {
	t.Parallel()
	got, err := ParseAssignment(AppendAssignment(nil, []Partition{{"b", 1}, {"a", 7}, {"b", 0}}))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Partition{{"a", 7}, {"b", 0}, {"b", 1}}, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got, err := ParseAssignment(nil); err != nil || got != nil {
		t.Errorf("an empty assignment: %v, %v", got, err)
	}
}

// Counts are claims of other members: what one byte each could pay for is not reserved.
func TestCountsReserveNothing(t *testing.T) {
	claim := append(binary.BigEndian.AppendUint32([]byte{0, 1}, maxMetadata-6), make([]byte, maxMetadata-6)...)
	claim[6] = 0xff // the first topic has a name of a negative length
	for name, parse := range map[string]func() error{
		"subscription": func() error { _, err := ParseSubscription("m", "", claim); return err },
		"assignment":   func() error { _, err := ParseAssignment(claim); return err },
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		err := parse()
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; err == nil || took > 1<<20 {
			t.Errorf("%s: %v, after taking %d bytes", name, err, took)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(AppendSubscription(nil, Member{Topics: []string{"t"}, Owned: []Partition{{"t", 2}}, Generation: 5}))
	f.Add(AppendAssignment(nil, []Partition{{"b", 1}, {"a", 7}}))
	f.Add([]byte{0, 1, 0x7f, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := ParseSubscription("m", "", raw)
		if err == nil {
			again, err := ParseSubscription("m", "", AppendSubscription(nil, m))
			if err != nil || again.Generation != m.Generation || len(again.Owned) != len(m.Owned) {
				t.Errorf("%+v became %+v, %v", m, again, err)
			}
		}
		if partitions, err := ParseAssignment(raw); err == nil && !slices.IsSortedFunc(partitions, Partition.Compare) {
			t.Errorf("assignment not in order: %v", partitions)
		}
	})
}
