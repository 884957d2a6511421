package cli

import (
	"errors"
	"time"

	"github.com/headrace/headrace/internal/project"
)

// age is a flag for a time in the units of headrace.yaml, which know days and weeks.
type age time.Duration

func (d *age) Set(text string) error {
	parsed, err := project.ParseDuration(text)
	if err != nil {
		if old, goErr := time.ParseDuration(text); goErr == nil { // 1.5h
			parsed, err = old, nil
		}
	}
	if err == nil && parsed < 0 {
		err = errors.New("it must not be negative")
	}
	*d = age(parsed)
	return err
}

func (d *age) String() string {
	if *d == 0 {
		return ""
	}
	return project.FormatDuration(time.Duration(*d))
}

func (d *age) Type() string { return "duration" }
