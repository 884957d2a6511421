package cli

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/internal/project"
)

// pace is how fast a replay may be.
type pace struct {
	rate             int
	bytesRate, speed string
}

// bind adds the flags; the words before their values are those of the command.
func (p *pace) bind(cmd *cobra.Command, verb string) {
	flags := cmd.Flags()
	flags.IntVar(&p.rate, "rate", 0, verb+"at most this `number` of events a second")
	flags.StringVar(&p.bytesRate, "bytes-rate", "", verb+"at most these `bytes` a second, as they are sent: 20MB")
	flags.StringVar(&p.speed, "speed", "", verb+"this many `times` the pace at which the events came: 10x")
}

// parse checks the flags; what is not given is 0.
func (p *pace) parse() (bytesRate int, speed float64, err error) {
	if p.rate < 0 {
		return 0, 0, usagef("--rate must not be negative")
	}
	if p.bytesRate != "" {
		n, err := project.ParseBytes(p.bytesRate)
		if err != nil || n < 1 {
			return 0, 0, usagef("--bytes-rate: %q is not an amount of bytes, such as 20MB", p.bytesRate)
		}
		bytesRate = int(n)
	}
	if p.speed != "" {
		if speed, err = strconv.ParseFloat(strings.TrimSuffix(p.speed, "x"), 64); err != nil || !(speed > 0) || speed > 1e9 {
			return 0, 0, usagef("--speed: %q is not how many times faster, such as 10x or 0.5x", p.speed)
		}
	}
	return bytesRate, speed, nil
}
