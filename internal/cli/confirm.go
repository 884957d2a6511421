package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

var errDeclined = errors.New("not confirmed: nothing was changed")

// bindYes adds the flag that answers confirm beforehand.
func bindYes(cmd *cobra.Command, yes *bool) {
	cmd.Flags().BoolVarP(yes, "yes", "y", false, "do not ask for confirmation; needed when stdin is not a terminal")
}

// confirm asks the person at the terminal whether to do what has just been shown. Without a terminal the answer must have
// been given beforehand, by --yes.
func (a *app) confirm(ctx context.Context, yes bool, question string) error {
	if yes {
		return nil
	}
	if !a.IsTerminal(a.Stdin) {
		return usagef("stdin is not a terminal; pass --yes to confirm")
	}
	fmt.Fprintf(a.Stderr, "%s [y/N] ", question)
	answer, err := a.answer(ctx)
	if err != nil {
		return err
	}
	switch strings.ToLower(answer) {
	case "y", "yes":
		return nil
	}
	return errDeclined
}

// maxAnswer bounds a line that a person types.
const maxAnswer = 4 << 10

// readLine reads one line and nothing behind it, which answers the next question.
func readLine(r io.Reader) (string, error) {
	var text []byte
	for one := make([]byte, 1); len(text) < maxAnswer; {
		n, err := r.Read(one)
		if n == 1 {
			text = append(text, one[0])
		}
		if err != nil || n == 1 && one[0] == '\n' {
			return string(text), err
		}
	}
	return "", fmt.Errorf("an answer of more than %d bytes", maxAnswer)
}

// answer is the line that a person types, or the error of ctx: a Ctrl-C does not end the reading of a terminal, which goes on beside
// it until the process ends.
func (a *app) answer(ctx context.Context) (string, error) {
	type line struct {
		text string
		err  error
	}
	typed := make(chan line, 1)
	go func() {
		text, err := readLine(a.Stdin)
		typed <- line{text, err}
	}()
	select {
	case l := <-typed:
		if l.err != nil && !errors.Is(l.err, io.EOF) {
			return "", l.err
		}
		return strings.TrimSpace(l.text), nil
	case <-ctx.Done():
		fmt.Fprintln(a.Stderr)
		return "", ctx.Err()
	}
}
