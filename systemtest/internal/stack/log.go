package stack

import (
	"bytes"
	"sync"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// kept is how much of a worker's log a failed test shows.
const kept = 16 << 10

// tail is the end of a log.
type tail struct {
	mu   sync.Mutex
	text []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, p...)
	if len(t.text) > 2*kept {
		t.text = append(t.text[:0], t.text[len(t.text)-kept:]...)
	}
	return len(p), nil
}

// logger returns a log of warnings that is shown when the test fails.
func logger(tb testing.TB) *zap.Logger {
	t := &tail{}
	tb.Cleanup(func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		if tb.Failed() && len(t.text) > 0 {
			tb.Logf("log of the worker:\n%s", bytes.ToValidUTF8(t.text[max(0, len(t.text)-kept):], nil))
		}
	})
	config := zap.NewProductionEncoderConfig()
	config.EncodeTime = zapcore.ISO8601TimeEncoder
	return zap.New(zapcore.NewCore(zapcore.NewConsoleEncoder(config), zapcore.AddSync(t), zapcore.WarnLevel))
}
