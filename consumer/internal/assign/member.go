package assign

import (
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kbin"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// CooperativeSticky is the protocol's name in JoinGroup, the one Kafka's Java client gives its CooperativeStickyAssignor (KIP-429).
const CooperativeSticky = "cooperative-sticky"

// Partition is one partition of one topic.
type Partition struct {
	Topic string
	ID    int32
}

// Compare orders partitions by topic, then id.
func (p Partition) Compare(q Partition) int {
	switch {
	case p.Topic < q.Topic:
		return -1
	case p.Topic > q.Topic:
		return 1
	}
	return int(p.ID) - int(q.ID)
}

// NoGeneration is the generation of a member that has not been in one.
const NoGeneration = -1

// Member is one member as the group's leader sees it.
type Member struct {
	ID         string
	InstanceID string   // "" unless it is a static member
	Topics     []string // what it subscribes to
	Owned      []Partition
	Generation int32 // the generation it owned them in

	// Worker is the number that a worker has drawn for itself, in place of which another never comes; 0 where there is none. A worker keeps
	// it through sessions, so that the group's description tells which workers live.
	Worker uint64
}

// maxMetadata bounds what a member may say of itself. Kafka's own default for the whole message is 1 MiB.
const maxMetadata = 1 << 20

// subscriptionVersion is 1, the first with owned partitions, which every client that knows the protocol reads. The generation
// travels in the user data, as in Java.
const subscriptionVersion = 1

// workerUserData is how long the user data is of a member that is one of our workers.
const workerUserData = 4 + 4 + 8

// AppendSubscription appends a member's metadata for JoinGroup.
func AppendSubscription(dst []byte, m Member) []byte {
	meta := kmsg.NewConsumerMemberMetadata()
	meta.Version = subscriptionVersion
	meta.Topics = slices.Sorted(slices.Values(m.Topics))
	meta.UserData = kbin.AppendInt32(nil, m.Generation)
	if m.Worker != 0 {
		// Java reads the generation alone. franz-go reads assignments and a generation, and takes the zeros for the latter.
		meta.UserData = kbin.AppendInt32(meta.UserData, 0)
		meta.UserData = kbin.AppendInt64(meta.UserData, int64(m.Worker)) //nolint:gosec // the bits alone matter
	}
	for topic, ids := range byTopic(m.Owned) {
		owned := kmsg.NewConsumerMemberMetadataOwnedPartition()
		owned.Topic, owned.Partitions = topic, ids
		meta.OwnedPartitions = append(meta.OwnedPartitions, owned)
	}
	return meta.AppendTo(dst)
}

// ParseSubscription reads a member's metadata, in any version: later ones only add fields at the end.
func ParseSubscription(id, instanceID string, metadata []byte) (Member, error) {
	if len(metadata) > maxMetadata {
		return Member{}, fmt.Errorf("subscription of member %s: %d bytes are more than the %d allowed", id, len(metadata), maxMetadata)
	}
	m := Member{ID: id, InstanceID: instanceID, Generation: NoGeneration}
	b := kbin.Reader{Src: metadata}
	version := b.Int16()
	m.Topics = readTopics(&b)
	user := kbin.Reader{Src: b.NullableBytes()}
	if version >= 1 {
		m.Owned = readPartitions(&b)
	}
	if user := user; len(user.Src) == workerUserData {
		_, _ = user.Int32(), user.Int32()
		m.Worker = uint64(user.Int64()) //nolint:gosec // the bits alone matter
	}
	// Java prefers the field of version 2 and falls back to the user data.
	if version >= 2 {
		m.Generation = max(b.Int32(), NoGeneration)
	}
	if err := b.Complete(); err != nil {
		return Member{}, fmt.Errorf("subscription of member %s: %w", id, err)
	}
	if m.Generation == NoGeneration && len(user.Src) >= 4 {
		m.Generation = user.Int32()
	}
	return m, nil
}

// AppendAssignment appends a member's part of the leader's SyncGroup.
func AppendAssignment(dst []byte, partitions []Partition) []byte {
	assigned := kmsg.NewConsumerMemberAssignment()
	for topic, ids := range byTopic(partitions) {
		t := kmsg.NewConsumerMemberAssignmentTopic()
		t.Topic, t.Partitions = topic, ids
		assigned.Topics = append(assigned.Topics, t)
	}
	return assigned.AppendTo(dst)
}

// ParseAssignment reads what SyncGroup answered. An empty answer is no partitions.
func ParseAssignment(raw []byte) ([]Partition, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	b := kbin.Reader{Src: raw}
	_ = b.Int16() // version: later ones only add fields at the end
	partitions := readPartitions(&b)
	if err := b.Complete(); err != nil {
		return nil, fmt.Errorf("assignment: %w", err)
	}
	for _, p := range partitions {
		if p.ID < 0 {
			return nil, fmt.Errorf("assignment: negative partition of topic %q", p.Topic)
		}
	}
	slices.SortFunc(partitions, Partition.Compare)
	return slices.Compact(partitions), nil
}

// byTopic yields topics and their partition ids, both in order.
func byTopic(partitions []Partition) func(yield func(string, []int32) bool) {
	sorted := slices.SortedFunc(slices.Values(partitions), Partition.Compare)
	return func(yield func(string, []int32) bool) {
		for len(sorted) > 0 {
			topic := sorted[0].Topic
			var ids []int32
			for len(sorted) > 0 && sorted[0].Topic == topic {
				ids = append(ids, sorted[0].ID)
				sorted = sorted[1:]
			}
			if !yield(topic, ids) {
				return
			}
		}
	}
}
