package group

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// inGroup plays with a group in virtual time, whose members have the default timeouts.
func inGroup(t *testing.T, topics map[string]int32, play func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newTestWorld(1, 45*time.Second, time.Minute, topics)
		defer w.close()
		play(t, w)
		if t.Failed() {
			for _, line := range w.history {
				t.Log(line)
			}
		}
	})
}

// owns is how many partitions a process has.
func (w *world) owns(p *process) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, names := range w.owners {
		if slices.Contains(names, p.name) {
			n++
		}
	}
	return n
}

// within waits until ok, and no longer than limit.
func within(t *testing.T, limit time.Duration, what string, ok func() bool) (took time.Duration) {
	t.Helper()
	for start := time.Now(); ; <-time.After(10 * time.Millisecond) {
		switch took = time.Since(start); {
		case ok():
			return took
		case took > limit:
			t.Errorf("%s: not within %v", what, limit)
			return took
		}
	}
}

func TestPartitionsAreLostByTheClock(t *testing.T) {
	t.Parallel()
	for _, api := range []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup} {
		t.Run(api.Name(), func(t *testing.T) {
			t.Parallel()
			inGroup(t, map[string]int32{"a": 4}, func(t *testing.T, w *world) {
				old := w.start("", []string{"a"})
				within(t, 10*time.Second, "the first member owns all", func() bool { return w.owns(old) == 4 })
				<-time.After(time.Minute)
				// From the next rebalance on no answer gets through, first to the request that is held back, then to any.
				old.line.set(func() { old.line.swallow[int16(api)] = 1 << 30 })
				old.line.set(func() {
					old.line.onAsked[int16(api)] = func() { old.line.set(func() { old.line.swallow[int16(kmsg.Heartbeat)] = 1 << 30 }) }
				})
				next := w.start("", []string{"a"})
				within(t, 50*time.Second, "the first member has lost all", func() bool { return w.owns(old) == 0 })
				w.kill(old)
				within(t, 2*time.Minute, "the second member owns all", func() bool { return w.owns(next) == 4 })
				if bad := w.wrong; len(bad) > 0 {
					t.Errorf("two owners: %v", bad)
				}
			})
		})
	}
}

// TestLongRebalanceCostsNothing holds a rebalance open for longer than the session: the members that wait hear so by their heartbeats.
func TestLongRebalanceCostsNothing(t *testing.T) {
	t.Parallel()
	inGroup(t, map[string]int32{"a": 4}, func(t *testing.T, w *world) {
		first, away := w.start("", []string{"a"}), w.start("away", []string{"a"})
		within(t, time.Minute, "both own half", func() bool { return w.owns(first) == 2 && w.owns(away) == 2 })
		w.kill(away) // its place is kept
		<-time.After(10 * time.Second)
		w.start("", []string{"a"})
		for range 6 {
			<-time.After(20 * time.Second)
			if n := w.owns(first); n == 0 {
				t.Fatal("the first member has lost its partitions")
			}
		}
	})
}

func TestSwallowedAnswerCostsAThirdOfTheSession(t *testing.T) {
	t.Parallel()
	for _, api := range []kmsg.Key{kmsg.JoinGroup, kmsg.SyncGroup} {
		t.Run(api.Name(), func(t *testing.T) {
			t.Parallel()
			inGroup(t, map[string]int32{"a": 4}, func(t *testing.T, w *world) {
				p := w.start("one", []string{"a"})
				p.line.set(func() { p.line.swallow[int16(api)] = 1 })
				within(t, 16*time.Second, "the member owns all", func() bool { return w.owns(p) == 4 })
			})
		})
	}
}

// TestStaticMemberDiesBetweenTheRounds: one that has given up half of its partitions, and dies before it says so, comes back to the other
// half. Nobody would have been given the first.
func TestStaticMemberDiesBetweenTheRounds(t *testing.T) {
	t.Parallel()
	inGroup(t, map[string]int32{"a": 6}, func(t *testing.T, w *world) {
		old := w.start("one", []string{"a"})
		within(t, 10*time.Second, "the first member owns all", func() bool { return w.owns(old) == 6 })
		// It joins once, is told what to give up, gives it up, and dies when it joins again.
		old.line.set(func() {
			old.line.onAsked[int16(kmsg.JoinGroup)] = func() {
				old.line.set(func() { old.line.onAsked[int16(kmsg.JoinGroup)] = func() { w.kill(old) } })
			}
		})
		next := w.start("two", []string{"a"})
		within(t, time.Minute, "the first member dies", old.isDead)
		if n := w.owns(next); n != 0 {
			t.Fatalf("the second member has %d partitions too early", n)
		}
		again := w.start("one", []string{"a"})
		within(t, 20*time.Second, "both own half", func() bool { return w.owns(again) == 3 && w.owns(next) == 3 })
	})
}

func TestStaticMemberFindsNewPartitionsAndTopics(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *world) (topics []string, partitions int){
		"a topic has grown": func(w *world) ([]string, int) {
			w.coordinator.grow("a", 3)
			return []string{"a"}, 6
		},
		"one more topic":   func(*world) ([]string, int) { return []string{"a", "b"}, 5 },
		"another topic":    func(*world) ([]string, int) { return []string{"b"}, 2 },
		"nothing is other": func(*world) ([]string, int) { return []string{"a"}, 3 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inGroup(t, map[string]int32{"a": 3, "b": 2}, func(t *testing.T, w *world) {
				old := w.start("one", []string{"a"})
				within(t, 10*time.Second, "it owns all", func() bool { return w.owns(old) == 3 })
				w.leave(old)
				topics, want := change(w)
				again := w.start("one", topics)
				within(t, 10*time.Second, "it owns all again", func() bool { return w.owns(again) == want })
				<-time.After(time.Minute)
				if bad := w.verdict(); bad != "" {
					t.Error(bad)
				}
			})
		})
	}
}
