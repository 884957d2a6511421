package headrace_test

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace"
)

func TestSlogLoggerPassesEverythingOn(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	handler := slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelInfo})
	log := headrace.SlogLogger(handler).With(zap.String("group", "billing"))
	log.Debug("not enabled")
	log.Info("joined group", zap.Int32("generation", 3), zap.Duration("after", 90*time.Millisecond), zap.Strings("topics", []string{"a", "b"}))
	log.Warn("commit not confirmed", zap.Error(errors.New("no answer")), zap.Time("at", time.UnixMilli(0).UTC()), zap.Bool("again", true))
	log.Error("stopping")
	want := []string{
		`level=INFO msg="joined group" group=billing generation=3 after=90ms topics="[a b]"`,
		`level=WARN msg="commit not confirmed" group=billing error="no answer" at=1970-01-01T00:00:00.000Z again=true`,
		`level=ERROR msg=stopping group=billing`,
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != len(want) {
		t.Fatalf("got %d lines, want %d:\n%s", len(lines), len(want), &out)
	}
	for i, line := range lines {
		if _, rest, _ := strings.Cut(line, " "); rest != want[i] {
			t.Errorf("line %d is\n%s\nwant\n%s", i, rest, want[i])
		}
	}
}
