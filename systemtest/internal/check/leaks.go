package check

import (
	"runtime"
	"strings"
	"time"
)

// ours and harness tell the toolkit's own frames in a stack from those of the tests.
const (
	ours    = "github.com/headrace/headrace/"
	harness = "github.com/headrace/headrace/systemtest/"
)

// Leaks returns the stacks of goroutines that still run the toolkit's code, once none is left or limit has passed.
func Leaks(limit time.Duration) []string {
	for deadline := time.Now().Add(limit); ; {
		left := leaking()
		if len(left) == 0 || time.Now().After(deadline) {
			return left
		}
		<-time.After(20 * time.Millisecond)
	}
}

func leaking() (left []string) {
	for stack := range strings.SplitSeq(stacks(), "\n\n") {
		for line := range strings.SplitSeq(stack, "\n") {
			if strings.HasPrefix(line, ours) && !strings.HasPrefix(line, harness) {
				left = append(left, stack)
				break
			}
		}
	}
	return left
}

func stacks() string {
	for buffer := make([]byte, 1<<20); ; buffer = make([]byte, 2*len(buffer)) {
		if n := runtime.Stack(buffer, true); n < len(buffer) {
			return string(buffer[:n])
		}
	}
}
