package topics

import (
	"cmp"
	"slices"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// Connection is where a plan is made and applied.
type Connection struct {
	Cluster  headrace.Cluster
	Registry *registry.Client // may be nil where no topic declares events
}

// World is what a cluster and its registry have of what is wanted. [Observe] reads it; it is plain data.
type World struct {
	ClusterID string
	Brokers   []Node      // in order of id
	Topics    []LiveTopic // every topic that may be seen, in order of name
	Subjects  []LiveSubject
	// Authorizer reports that the cluster checks rights. ACLs are its rules; both are read only when rights are wanted.
	Authorizer bool
	ACLs       []ACL
	// MaxMessageBytes is the cluster's default of max.message.bytes.
	MaxMessageBytes int64
}

// Node is a broker.
type Node struct {
	ID   int32
	Rack string
}

// LiveTopic is a topic as the cluster has it.
type LiveTopic struct {
	Topic        // Configs holds only what was set for this topic; offsets are there when Usage is
	ID    string // Kafka's id of it, which changes when a topic is deleted and created again
	// Settings are all settings in force, by name. It is nil for a topic that nobody wants.
	Settings map[string]string
	// Goals are where replicas of partitions that are being moved will be.
	Goals map[int32][]int32
	// Usage is nil unless a change of the topic could lose something.
	Usage *Usage
}

// Usage is what a topic holds.
type Usage struct {
	Events int64 // offsets between the start and the end of each partition
	Bytes  int64 // on the leaders' disks; -1 when the brokers may not be asked
	// Older counts the events from before the retention that is wanted, and Beyond the bytes over the retention.bytes that is
	// wanted: what would go.
	Older  int64
	Beyond int64
}

// LiveSubject is a wanted subject as the registry has it.
type LiveSubject struct {
	Subject    string
	Version    int          // its newest version; 0 when it has none
	Registered bool         // the wanted schema is one of them
	Level      schema.Level // in force, the subject's own or the registry's
	Reasons    []string     // why the wanted schema may not be registered under the wanted level
}

// topic returns a topic by name.
func (w *World) topic(name string) (*LiveTopic, bool) {
	i, found := slices.BinarySearchFunc(w.Topics, name, func(t LiveTopic, name string) int { return cmp.Compare(t.Name, name) })
	if !found {
		return nil, false
	}
	return &w.Topics[i], true
}

func (w *World) subject(name string) (LiveSubject, bool) {
	for _, s := range w.Subjects {
		if s.Subject == name {
			return s, true
		}
	}
	return LiveSubject{}, false
}

// replicas are where a partition's replicas are, or will be.
func (t *LiveTopic) replicas(p Partition) []int32 {
	if goal, moving := t.Goals[p.ID]; moving {
		return goal
	}
	return p.Replicas
}
