package consumer

import (
	"context"
	"strings"
	"testing"
	"time"
)

// A group whose retry or dead-letter topics no broker would create is refused before anything is asked of one.
func TestGroupThatNoTopicCanCarryIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	handler := On(func(context.Context, ping) error { return nil })
	for group, want := range map[string]string{
		"billing service":        "letters, digits, dots, dashes and underscores only",
		"größe":                  "letters, digits, dots, dashes and underscores only",
		strings.Repeat("g", 248): "at most 249 bytes",
	} {
		cfg := w.config("t")
		cfg.Group = group
		if _, err := New(cfg, handler); err != nil {
			t.Errorf("group %q without such topics: %v", group, err)
		}
		for _, policy := range []Policy{{DeadLetter: true}, {Retry: []time.Duration{time.Minute}}} {
			cfg.Policy = policy
			if _, err := New(cfg, handler); err == nil || !strings.Contains(err.Error(), "Config.Group") || !strings.Contains(err.Error(), want) {
				t.Errorf("group %q: %v", group, err)
			}
		}
	}
}
