package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/deadletter"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/replay/filter"
	"github.com/headrace/headrace/schema/registry"
)

const deadSelectionHelp = `Which dead letters: all that are open, or those that fit every flag given. --cause takes the ids that "dead list" shows;
--error a part of the error, its numbers and ids not counting; --where an expression in CEL over event (the fields of the
value), name (its type), key, headers, time, topic, partition and offset; --at one place or several.`

// deadSelection is what the commands on dead letters are told of which ones.
type deadSelection struct {
	causes, kinds, handlers, events, at []string
	error, key, where, offset           string
	headers                             map[string]string
	older, newer                        age
	partitions                          []int32
}

func (s *deadSelection) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&s.causes, "cause", nil, "only of these causes, by `id`")
	flags.StringVar(&s.error, "error", "", "only with this `text` in the error")
	flags.StringSliceVar(&s.kinds, "kind", nil, "only failures of these `kinds`: handler, panic, timeout, decode, ..., or an exception's class")
	flags.StringSliceVar(&s.handlers, "handler", nil, "only given up by these `groups` or connectors; may be globs")
	flags.StringSliceVar(&s.events, "event", nil, "only events of these `types`, by full name")
	flags.StringVar(&s.key, "key", "", "only events with this key, or `glob`: * ? [a-z]")
	flags.StringToStringVar(&s.headers, "header", nil, "only with this header, `key=value`; either may be a glob")
	flags.Lookup("header").DefValue = ""
	flags.StringVar(&s.where, "where", "", "only events for which this `expression` is true")
	flags.StringSliceVar(&s.at, "at", nil, "only these places, `PARTITION:OFFSET`")
	flags.Var(&s.older, "older-than", "only given up longer ago: 30d, 12h")
	flags.Var(&s.newer, "newer-than", "only given up more recently: 1h")
	flags.StringVar(&s.offset, "offset", "start", "`range` of the dead-letter topic, as of \"headrace consume\"")
	flags.Int32SliceVarP(&s.partitions, "partitions", "p", nil, "only these `partitions` of it (default all)")
	flags.Lookup("partitions").DefValue = ""
}

// selection checks the flags.
func (s *deadSelection) selection(now time.Time) (deadletter.Selection, error) {
	chosen := deadletter.Selection{
		Causes: s.causes, Kinds: s.kinds, Error: s.error, Handlers: s.handlers, Partitions: s.partitions,
		Filter: filter.Filter{Events: s.events, Key: s.key, Headers: s.headers, Where: s.where},
	}
	if s.older > 0 {
		chosen.Until = now.Add(-time.Duration(s.older))
	}
	if s.newer > 0 {
		chosen.Since = now.Add(-time.Duration(s.newer))
	}
	for _, text := range s.at {
		position, err := parsePosition(text)
		if err != nil {
			return chosen, usagef("--at %q: %v", text, err)
		}
		chosen.At = append(chosen.At, position)
	}
	if s.offset != "start" {
		var err error
		if chosen.Range, err = reader.ParseRange(s.offset, now); err != nil {
			return chosen, &usageError{err}
		}
	}
	if err := chosen.Validate(); err != nil {
		return chosen, &usageError{err}
	}
	return chosen, nil
}

// asksRegistry reports whether the choice depends on what a registry says. A cause's id covers the name of the event, which only the
// registry tells where the headers do not.
func (s *deadSelection) asksRegistry() bool {
	return len(s.events) > 0 || len(s.causes) > 0 || s.where != ""
}

// parsePosition reads PARTITION:OFFSET.
func parsePosition(text string) (deadletter.Position, error) {
	left, right, _ := strings.Cut(text, ":")
	partition, err1 := strconv.ParseInt(left, 10, 32)
	offset, err2 := strconv.ParseInt(right, 10, 64)
	if err1 != nil || err2 != nil || partition < 0 || offset < 0 {
		return deadletter.Position{}, errors.New("a place is PARTITION:OFFSET, as in 0:47")
	}
	return deadletter.Position{Partition: int32(partition), Offset: offset}, nil
}

// maybeRegistry is a client of the registry if there is one; nil when nobody answers and it can be done without.
func (a *app) maybeRegistry(ctx context.Context, needed bool) (*registry.Client, func(), error) {
	reg, err := a.openRegistry(ctx)
	if _, down := errors.AsType[*registry.UnavailableError](err); down && !needed {
		return nil, func() {}, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return reg, reg.Close, nil
}

// positionFlag selects one dead letter, in a command that is shown.
func positionFlag(partition int32, offset int64) string {
	return fmt.Sprintf("--at %d:%d", partition, offset)
}
