// Command reliability writes the table of the last `make faults FAULTS=long` into docs/reliability.md. Run it in systemtest.
package main

import (
	"fmt"
	"os"

	"github.com/headrace/headrace/systemtest/internal/report"
)

const (
	figures = "../out/faults.json"
	page    = "../docs/reliability.md"
)

func main() {
	if err := write(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write() error {
	runs, err := report.Load(figures)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	filled, err := report.Insert(string(text), runs)
	if err != nil {
		return err
	}
	return os.WriteFile(page, []byte(filled), 0o600)
}
