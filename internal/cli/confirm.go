package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
)

var errDeclined = errors.New("not confirmed: nothing was changed")

// bindYes adds the flag that answers confirm beforehand.
func bindYes(cmd *cobra.Command, yes *bool) {
	cmd.Flags().BoolVarP(yes, "yes", "y", false, "do it without asking; needed where nobody can be asked")
}

// confirm asks the person at the terminal whether to do what has just been shown. Without a terminal the answer must have
// been given beforehand, by --yes.
func (a *app) confirm(yes bool, question string) error {
	if yes {
		return nil
	}
	if !a.IsTerminal(a.Stdin) {
		return usagef("--yes is missing: standard input is no terminal, so nobody can be asked")
	}
	fmt.Fprintf(a.Stderr, "%s [y/N] ", question)
	answer, err := bufio.NewReader(a.Stdin).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errDeclined
}
