package kafka

// Topic is what the cluster's metadata says about one topic. Values are shared between callers: read only.
type Topic struct {
	Name       string
	ID         [16]byte // zero when the broker does not send topic ids
	Internal   bool
	Partitions []Partition // in order of id, from 0 on; none when Err is set
	Err        error       // only from Client.Topics: why this topic's metadata could not be had
}

// Partition is one partition's place in the cluster.
type Partition struct {
	ID          int32
	Leader      int32 // node id; -1 while there is none
	LeaderEpoch int32 // -1 when unknown
	Replicas    []int32
	ISR         []int32 // in-sync replicas
	Err         error   // retriable LEADER_NOT_AVAILABLE while Leader is -1; otherwise what the broker says, or nil
}

// Partition returns the partition with this id, and false when the topic has none.
func (t Topic) Partition(id int32) (Partition, bool) {
	if id >= 0 && int(id) < len(t.Partitions) {
		return t.Partitions[id], true
	}
	return Partition{}, false
}

// TopicPartition names one partition.
type TopicPartition struct {
	Topic     string
	Partition int32
}

// Broker is one broker as the cluster's metadata lists it.
type Broker struct {
	Node int32
	Addr string // host:port
	Rack string
}
