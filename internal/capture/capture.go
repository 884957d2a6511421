// Package capture runs examples whose output depends on a broker, for tests that check it.
package capture

import (
	"io"
	"os"
)

// Stdout returns what fn prints on standard output. Nothing else may print there meanwhile: tests that call it do not run in parallel.
func Stdout(fn func()) (string, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return "", err
	}
	printed := make(chan []byte)
	go func() {
		text, _ := io.ReadAll(r) // of a pipe, whose end is closed below
		printed <- text
	}()
	stdout := os.Stdout
	os.Stdout = w
	defer func() { os.Stdout = stdout }()
	fn()
	err = w.Close()
	return string(<-printed), err
}
