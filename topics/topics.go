// Package topics lists, describes and creates the topics of a cluster, and keeps them as a file says: topics as code.
//
// [Load] reads headrace.yaml, [Observe] the cluster and its registry, [Diff] says what has to change, and [Apply] changes it: topics,
// their settings, partitions and replicas, the schemas of their events, and the rights of those who use them.
//
// Every call opens its own connections and closes them before it returns, and ends by its context's deadline. All
// functions are safe for concurrent use.
package topics

import (
	"fmt"
)

// Topic is a topic as the cluster has it.
type Topic struct {
	Name       string
	Internal   bool // the cluster's own, such as __consumer_offsets
	Partitions []Partition
	Configs    []Config // settings that differ from the cluster's default, by name; only [Describe] fills it
}

// Partition is one partition of a [Topic].
type Partition struct {
	ID       int32
	Leader   int32   // node id of the broker that leads it; -1 while there is none
	Replicas []int32 // node ids
	InSync   []int32 // replicas that are caught up
	Start    int64   // first offset the partition still holds; only [Describe] fills it
	End      int64   // offset the next event will get; only [Describe] fills it
}

// Config is one setting of a topic, by Kafka's name for it, such as retention.ms.
type Config struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Spec says what [Create] makes.
type Spec struct {
	Name       string
	Partitions int               // 0 leaves it to the broker's num.partitions
	Replicas   int               // copies of each partition; 0 leaves it to the broker's default.replication.factor
	Configs    map[string]string // settings by Kafka's name for them; the rest keeps the broker's default
}

// MissingError says that a topic does not exist.
type MissingError struct{ Topic string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("topic %s does not exist: `headrace topics list` lists those that do, `headrace topics create %s` makes it", e.Topic, e.Topic)
}

// ExistsError says that [Create] found a topic of that name, whatever its partitions and settings.
type ExistsError struct{ Topic string }

func (e *ExistsError) Error() string {
	return fmt.Sprintf("topic %s exists already: see it with `headrace topics describe %s`", e.Topic, e.Topic)
}
