package progress

import "math"

// Log names the log that offsets belong to. Metadata made of one log says nothing about another: not about a topic made anew under the
// same name, nor about the copy of it in another cluster, where a mirroring tool may commit it under offsets of its own.
type Log struct {
	Cluster   string   // the cluster's id; "" where brokers have none
	Topic     [16]byte // the topic's id; zero where brokers have none
	Partition int32
}

// Note is what a group knows of a partition. Its Done's prefix is the committed offset; the rest is the commit's metadata.
type Note struct {
	Done Done
	Mark Mark

	// Partitions is how many partitions the topic had when the group began in this one; 0 when that is not known. Those from this number
	// on came later, so that all of their events are news to the group.
	Partitions int32
}

// Equal reports whether both notes say the same.
func (n *Note) Equal(other *Note) bool {
	return n.Mark == other.Mark && n.Partitions == other.Partitions && n.Done.Equal(&other.Done)
}

// Mark says which events may be, or were, in the hands of handlers. The zero Mark says that none were when the partition was left.
type Mark struct {
	// Working says that the partition is being worked on: a worker that finds it set knows that the one before it died.
	Working bool

	// From and Reach bound what may be in hand: the events from From up to, not including, Reach that are not done.
	From, Reach int64

	// Deaths is how many times in a row a worker died with the same events in hand: each suspect's part in it is not known until it
	// has been in hand alone.
	Deaths int

	// Alone says that one event alone is, or was, in hand: that at From.
	Alone bool

	// Owner is the number of the worker that works on the partition; 0 when that is not known.
	Owner uint64

	// Gone names owners whose ends Deaths counts.
	Gone Gone

	// Of a turn, should its owner lose the partition and live: up to which offset there are suspects, Reach when End is not above it, and
	// whether the event at From was alone in hand at a death before.
	End     int64
	Charged bool
}

// Limit is the offset below which events may be handed over once the mark is committed.
func (m *Mark) Limit() int64 {
	if !m.Working {
		return 0
	}
	return m.Reach
}

// MaxDeaths bounds Mark.Deaths.
const MaxDeaths = math.MaxUint16

// Cut takes back what a note says of offsets from end on, the end of the log: what is not written cannot have been handled.
func (n *Note) Cut(end int64) {
	n.Done.Cut(end)
	m := &n.Mark
	if m.Reach > end {
		m.Reach = max(end, n.Done.Prefix())
		m.From = min(m.From, m.Reach)
	}
	if m.End = min(m.End, end); m.End <= m.Reach {
		m.End = 0
	}
}
