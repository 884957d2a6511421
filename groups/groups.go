// Package groups lists and describes consumer groups, and moves the offsets of those that nobody is in.
//
// Every call opens its own connections and closes them before it returns, and ends by its context's deadline. All
// functions are safe for concurrent use.
package groups

import (
	"fmt"
	"strings"
)

// Group is a consumer group as the cluster has it.
type Group struct {
	Name        string
	State       string      // as its coordinator calls it, for example "Stable", "Empty" or "PreparingRebalance"
	Type        string      // "classic", "consumer" (KIP-848), "streams" (KIP-1071) or "share" (KIP-932); "" when the broker does not say
	Protocol    string      // assignment strategy, for example "cooperative-sticky"; only [Describe] fills it
	Coordinator int32       // node id of the broker
	Members     []Member    // nil for a group of type "streams"
	Partitions  []Partition // by topic, then id; only [Describe] fills it
}

// Member is one member of a [Group].
type Member struct {
	ID         string
	InstanceID string // of a static member (KIP-345), else ""
	ClientID   string
	Host       string // the address that the coordinator sees
	Partitions int    // how many it is assigned
}

// Partition is one partition that a group has committed an offset of, or that one of its members is assigned.
type Partition struct {
	Topic     string
	ID        int32
	Committed int64  // offset of the next event to handle; [None] before the first commit
	Start     int64  // first offset that the partition still holds
	End       int64  // offset that the next event will get
	Member    string // id of the member it is assigned to; "" when there is none
	Metadata  string // what the group wrote beside the offset, such as which later events are done
}

// None is the committed offset of a partition that the group has committed nothing of.
const None int64 = -1

// Lag is how many offsets lie between what is committed and the end; from the start of the partition when nothing is
// committed, or when what was committed is gone from the log. Where the log has gaps (compaction, transactions) there are
// fewer events than that.
func (p Partition) Lag() int64 { return max(0, p.End-max(p.Committed, p.Start)) }

// NotFoundError says that there is no group of that name: no member, and no committed offset.
type NotFoundError struct{ Group string }

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("group %s does not exist: `headrace groups list` lists those that do", e.Group)
}

// LiveError says that a group has members, whose commits would overwrite what is set from outside.
type LiveError struct {
	Group   string
	State   string
	Members []Member
}

func (e *LiveError) Error() string {
	names := make([]string, len(e.Members))
	for i, m := range e.Members {
		names[i] = m.String()
	}
	who := "it has " + strings.Join(names, ", ")
	if len(names) == 0 {
		who = "its state is " + e.State
	}
	return fmt.Sprintf("group %s is live, and its members would overwrite the offsets: %s; stop them, and wait for their session to end", e.Group, who)
}

// String names a member as a person would look for it.
func (m Member) String() string {
	name := m.ID
	if m.InstanceID != "" {
		name = m.InstanceID
	}
	return fmt.Sprintf("%s (client %s at %s)", name, m.ClientID, strings.TrimPrefix(m.Host, "/"))
}
