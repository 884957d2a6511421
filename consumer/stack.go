package consumer

import (
	"bytes"
	"runtime"
)

// goroutineNumber is the number that stack traces call the calling goroutine by.
func goroutineNumber() string {
	var buf [64]byte
	line := buf[:runtime.Stack(buf[:], false)] // "goroutine 18 [running]:"
	fields := bytes.Fields(line)
	if len(fields) < 2 {
		return ""
	}
	return string(fields[1])
}

const (
	firstDump = 1 << 20
	maxDump   = 64 << 20
	maxStuck  = 16 << 10 // of one goroutine
)

// stackOf returns the stack of a goroutine by its number, nil when it cannot be had. It stops the whole process for a moment.
func stackOf(number string) []byte {
	for size := firstDump; number != "" && size <= maxDump; size *= 4 {
		dump := make([]byte, size)
		n := runtime.Stack(dump, true)
		for _, stack := range bytes.Split(dump[:n], []byte("\n\n")) {
			if bytes.HasPrefix(stack, []byte("goroutine "+number+" ")) {
				return bytes.Clone(stack[:min(len(stack), maxStuck)])
			}
		}
		if n < size {
			return nil
		}
	}
	return nil
}
