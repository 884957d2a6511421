package check

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Attempt is one call of a handler, as the process that made it wrote it down.
type Attempt struct {
	Process   string
	Topic     string // that the event was sent to
	Partition int32
	Offset    int64
	Key       string
	Number    int
	Returned  bool // the event came from a retry topic: moved there by a worker, or by a redrive
	Begin     time.Time
	End       time.Time // of the process, where it did not live to the attempt's
	Handled   bool      // the handler returned nil
}

// Sample is an offset that was committed, and when the group was heard to say so.
type Sample struct {
	At        time.Time
	Partition int32
	Offset    int64
}

// Conflicts is what attempts of several processes say about each other.
type Conflicts struct {
	// Together counts attempts that began while another process had one in the same partition of the topic.
	Together int
	// Overlapped counts attempts that began while another of the same key ran, both straight from the topic.
	Overlapped int
	// BesideRetry counts the same where one of the two came from a retry topic.
	BesideRetry int
	// AfterCommit counts attempts of events that had been committed before they began.
	AfterCommit int
	// Examples describes a few of the conflicts.
	Examples []string
}

// maxExamples is how many conflicts are described.
const maxExamples = 5

// FindConflicts compares the attempts of all processes with each other and with what the group had committed. It sorts attempts by
// their beginnings.
func FindConflicts(attempts []Attempt, samples []Sample) Conflicts {
	slices.SortStableFunc(attempts, func(a, b Attempt) int { return a.Begin.Compare(b.Begin) })
	var c Conflicts
	partitions, keys := map[int32][]Attempt{}, map[string][]Attempt{}
	for _, a := range attempts {
		running := stillRunning(keys[a.Key], a.Begin)
		for _, other := range running {
			switch {
			case a.Returned || other.Returned:
				c.BesideRetry++
			default:
				c.Overlapped++
				c.describe("one key at once", a, other)
			}
		}
		keys[a.Key] = append(running, a)
		if a.Returned {
			continue
		}
		running = stillRunning(partitions[a.Partition], a.Begin)
		for _, other := range running {
			if other.Process != a.Process {
				c.Together++
				c.describe("two owners", a, other)
				break
			}
		}
		partitions[a.Partition] = append(running, a)
	}
	c.AfterCommit = c.afterCommit(attempts, samples)
	return c
}

// afterCommit goes through attempts and samples in the order of time.
func (c *Conflicts) afterCommit(attempts []Attempt, samples []Sample) (found int) {
	samples = slices.Clone(samples)
	slices.SortStableFunc(samples, func(a, b Sample) int { return a.At.Compare(b.At) })
	committed, next := map[int32]Sample{}, 0
	for _, a := range attempts {
		for ; next < len(samples) && samples[next].At.Before(a.Begin); next++ {
			if s := samples[next]; s.Offset > committed[s.Partition].Offset {
				committed[s.Partition] = s
			}
		}
		if s := committed[a.Partition]; !a.Returned && a.Offset < s.Offset {
			found++
			if len(c.Examples) < maxExamples {
				c.Examples = append(c.Examples, fmt.Sprintf("handled although %d was committed %s before: %s", s.Offset, a.Begin.Sub(s.At), a))
			}
		}
	}
	return found
}

func stillRunning(before []Attempt, now time.Time) []Attempt {
	return slices.DeleteFunc(before, func(a Attempt) bool { return !a.End.After(now) })
}

func (c *Conflicts) describe(what string, a, other Attempt) {
	if len(c.Examples) < maxExamples {
		c.Examples = append(c.Examples, fmt.Sprintf("%s: %s; beside %s", what, a, other))
	}
}

// String names the attempt and its times.
func (a Attempt) String() string {
	const clock = "15:04:05.000"
	return fmt.Sprintf("%s partition %d offset %d key %s number %d from %s to %s",
		a.Process, a.Partition, a.Offset, a.Key, a.Number, a.Begin.Format(clock), a.End.Format(clock))
}

// Handled returns the attempts that were handled, by the time at which they ended.
func Handled(attempts []Attempt) []Attempt {
	handled := slices.DeleteFunc(slices.Clone(attempts), func(a Attempt) bool { return !a.Handled })
	slices.SortStableFunc(handled, func(a, b Attempt) int { return cmp.Or(a.End.Compare(b.End), a.Begin.Compare(b.Begin)) })
	return handled
}

// Reordered counts the events that were handled for the first time after a later one of their key, in the order given.
func Reordered(handled []Attempt) (count int) {
	type event struct {
		key    string
		number int
	}
	seen, last := map[event]bool{}, map[string]int{}
	for _, a := range handled {
		e := event{a.Key, a.Number}
		if seen[e] {
			continue
		}
		seen[e] = true
		if a.Number < last[a.Key] {
			count++
		}
		last[a.Key] = max(last[a.Key], a.Number)
	}
	return count
}
