package consumer

import (
	"slices"
	"strconv"
	"time"
)

// RetryTopic is the topic in which events of a topic wait for delay before a group tries them again: <topic>.<group>.retry.<delay>,
// the delay as in 200ms, 1m or 1h30m. Handlers with the same delay share it.
//
// The names of topic and group are not always to be told apart in it: topic t of group a.b and topic t.a of group b share their retry topics
// and their dead-letter topic. A worker that sees the other's group at work does not start ([CollisionError]). One that finds an event of
// the other, by its headers, leaves it: it counts as skipped and is logged, and the other, which reads the topic in a group of its own, handles it.
//
// It has as many partitions as the topic, cleanup.policy=delete, a retention.ms above the delay by far, and, for the headers that the
// events gain, a max.message.bytes a little above that of topic; see [Tuning.CreateTopics].
func RetryTopic(topic, group string, delay time.Duration) string {
	return retryPrefix(topic, group) + delayText(delay)
}

func retryPrefix(topic, group string) string { return topic + "." + group + ".retry." }

// RetryGroup is the group that the retry topics of a group are read by, <group>.retry: one of its own, so that a rebalance of it stops
// nothing in the topics themselves.
func RetryGroup(group string) string { return group + ".retry" }

// delayText is a duration of whole milliseconds without the parts that are zero, which time.ParseDuration reads: 1m, where
// Duration.String has 1m0s, and 1s500ms, since a dot would be one more in the name of a topic.
func delayText(d time.Duration) string {
	text := ""
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}, {time.Millisecond, "ms"}} {
		if n := d / unit.size; n > 0 {
			text += strconv.FormatInt(int64(n), 10) + unit.name
			d -= n * unit.size
		}
	}
	return text
}

// parseDelay reads what delayText writes, and nothing else.
func parseDelay(text string) (time.Duration, bool) {
	delay, err := time.ParseDuration(text)
	return delay, err == nil && delay >= time.Millisecond && delay <= MaxDelay && delayText(delay) == text
}

// spent is what an event has used up of its policy.
type spent struct {
	attempts int // that failed
	tier     int // the last retry topic it has moved to: 1 is that of the first delay, 0 its own topic
}

// step is what comes after an attempt.
type step struct {
	kind   stepKind
	spent  spent // with the attempt
	after  time.Duration
	jitter time.Duration // stepAgain: waits a random part of it, when that is longer than after
	delay  time.Duration // stepMove: the delay of the retry topic; after is at least as long
}

type stepKind int8

const (
	stepDone   stepKind = iota // the event is at its end
	stepAgain                  // another attempt where it is, later
	stepMove                   // to a retry topic
	stepGiveUp                 // dead letter, or the worker stops
)

// next is the whole of a policy's order: attempts in place, then the retry tiers with one attempt each, then the end. Attempts
// that an event did not use before it went to wait in a retry topic, because its handler asked for a long wait, are left to it there.
func (p *Policy) next(o outcome, done spent) step {
	done.tier = min(done.tier, len(p.Retry)) // the policy may have had more when the event moved
	switch o.ending {
	case endDone, endSkip:
		return step{kind: stepDone, spent: done}
	case endSnooze:
		return p.wait(o.after, 0, done)
	case endFailure, endPermanent:
	}
	done.attempts++
	switch {
	case o.ending == endPermanent:
	case done.attempts < p.Attempts+done.tier:
		return p.wait(o.after, p.Delay(done.attempts), done)
	case done.tier < len(p.Retry):
		after := max(o.after, p.Retry[done.tier])
		done.tier++
		return step{kind: stepMove, spent: done, after: after, delay: p.delayWithin(after)}
	}
	return step{kind: stepGiveUp, spent: done}
}

// wait is in place, unless it is long enough for a retry topic.
func (p *Policy) wait(after, jitter time.Duration, done spent) step {
	if delay := p.delayWithin(after); delay > 0 {
		return step{kind: stepMove, spent: done, after: after, delay: delay}
	}
	return step{kind: stepAgain, spent: done, after: after, jitter: jitter}
}

// delayWithin is the longest delay of the retry tiers within a wait, 0 for none. An event that waits longer than a retry topic's delay moves
// on from there, so that those behind it, which are due, do not wait for it.
func (p *Policy) delayWithin(wait time.Duration) time.Duration {
	var longest time.Duration
	for _, delay := range p.Retry {
		if delay <= wait {
			longest = max(longest, delay)
		}
	}
	return longest
}

// delays is every delay of some lists, once and in order.
func delays(lists ...[]time.Duration) []time.Duration {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}
