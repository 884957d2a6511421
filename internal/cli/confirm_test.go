package cli

import (
	"bytes"
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
)

// interruption ends a run when the prompt is on the screen, as Ctrl-C does.
type interruption struct {
	bytes.Buffer
	prompt string
	cancel context.CancelFunc
}

func (w *interruption) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if bytes.Contains(w.Bytes(), []byte(w.prompt)) {
		w.cancel()
	}
	return n, err
}

func TestInterruptEndsAQuestion(t *testing.T) {
	t.Parallel()
	s := grouped(t)
	dir := t.TempDir()
	write(t, dir, "headrace.yaml", "contexts:\n  prod: {brokers: ["+s.KafkaAddr+"], registry: "+s.RegistryURL+", production: true}\n")
	file := filepath.Join(dir, "back.json")
	s.run("", "replay", "plan", "--from-topic", "orders", "--rewind", "delays", "--out", file).want(t, exitDone)
	for prompt, c := range map[string]struct {
		dir  string
		args []string
	}{
		"[y/N] ":         {t.TempDir(), []string{"groups", "seek", "delays", "--offset", "start", "--brokers", s.KafkaAddr}},
		"Type the name ": {dir, []string{"replay", "apply", file, "--context", "prod", "--yes"}},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		in, never := io.Pipe()
		stderr := &interruption{prompt: prompt, cancel: cancel}
		code := Main(ctx, Env{
			Args: c.args, Stdin: in, Stdout: io.Discard, Stderr: stderr, Dir: c.dir,
			IsTerminal: func(stream any) bool { return stream == any(in) },
		})
		result{code, "", stderr.String()}.want(t, exitInterrupted, prompt)
		_ = never.Close() // so that nobody waits for an answer any more
	}
}

func TestLongWorkShowsHowFarItIsOnATerminal(t *testing.T) {
	t.Parallel()
	s, file := applicable(t)
	for _, args := range [][]string{
		{"replay", "plan", "--from-topic", "orders", "--to-topic", "again", "--brokers", s.KafkaAddr, "--registry", s.RegistryURL},
		{"replay", "apply", file, "--yes", "--brokers", s.KafkaAddr, "--registry", s.RegistryURL},
	} {
		for _, terminal := range []bool{true, false} {
			var stderr bytes.Buffer
			code := Main(t.Context(), Env{
				Args: args, Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: &stderr,
				IsTerminal: func(stream any) bool { return terminal && stream == any(&stderr) },
			})
			result{code, "", stderr.String()}.want(t, exitDone)
			if shown := strings.Contains(stderr.String(), "100%"); shown != (terminal && code == exitDone) {
				t.Errorf("%v on a terminal %v:\n%q", args, terminal, stderr.String())
			}
		}
	}
}
