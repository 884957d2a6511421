package consumer

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNamesakesOfRetryTopics(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		topic, group string
		want         []CollisionError
	}{
		"no dots":      {"t", "g", nil},
		"in the group": {"t", "a.b", []CollisionError{{"t", "a.b", "t.a", "b"}}},
		"in the topic": {"t.a", "b", []CollisionError{{"t.a", "b", "t", "a.b"}}},
		"in both":      {"t.a", "b.c", []CollisionError{{"t.a", "b.c", "t", "a.b.c"}, {"t.a", "b.c", "t.a.b", "c"}}},
	} {
		got := namesakes(tc.topic, tc.group)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: (-want +got)\n%s", name, diff)
		}
		for _, other := range got {
			if a, b := RetryTopic(tc.topic, tc.group, time.Minute), RetryTopic(other.OtherTopic, other.OtherGroup, time.Minute); a != b {
				t.Errorf("%s: %s and %s", name, a, b)
			}
		}
	}
}

// TestWorkersWhoseRetryTopicsHaveOneName has topic t of group a.b, and topic t.a of group b.
func TestWorkersWhoseRetryTopicsHaveOneName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	w.topic("t.a", 1, false)
	w.put("t", 0, rec{key: "a", value: pingValue(1, "x")})
	config := func(topic, group string) Config {
		cfg := w.retrying(20 * time.Millisecond)
		cfg.Topics, cfg.Group, cfg.Policy.Attempts = []string{topic}, group, 1
		return cfg
	}
	var seen calls
	first := w.start(config("t", "a.b"), On(func(ctx context.Context, p ping) error {
		if seen.add(ctx, p) == 0 {
			return errBroken
		}
		return nil
	}))
	eventually(t, "its own event comes back", func() bool { return len(seen.get(1)) == 2 })

	// What another worker has moved there, as one that began at the same time would.
	headers := retryCopy(HeaderTopic, "t.a", HeaderGroup, "b", HeaderDeliveryCount, "1")
	w.put("t.a.b.retry.20ms", 0, rec{key: "a", value: pingValue(2, "x"), headers: headers})
	eventually(t, "it is left", func() bool { return first.Stats().Skipped == 1 })
	if got := seen.get(2); got != nil {
		t.Errorf("handled: %+v", got)
	}
	if w.logs.FilterMessageSnippet("belongs to another topic and group").Len() != 1 {
		t.Error("nobody is told")
	}

	second, err := New(config("t.a", "b"), On(func(context.Context, ping) error { return nil }))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	err = second.Run(ctx)
	if collision := asError[*CollisionError](t, err); *collision != (CollisionError{"t.a", "b", "t", "a.b"}) {
		t.Errorf("got %v", err)
	}
	first.stop()

	// The one that is left begins where it left off, and finds its own.
	var theirs calls
	third := w.start(config("t.a", "b"), On(func(ctx context.Context, p ping) error {
		theirs.add(ctx, p)
		return nil
	}))
	eventually(t, "its event is handled", func() bool { return len(theirs.get(2)) == 1 })
	third.stop()
	if got := theirs.get(1); got != nil {
		t.Errorf("handled: %+v", got)
	}
}
