package cli

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/deadletter"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

const deadShowLong = `Show one dead letter: the decoded event and its schema, the error, who gave it up after how many attempts, where it came
from, all headers, what became of it, and the command that returns it. The place is PARTITION:OFFSET, or the example of
"dead list" as it stands there. Values and headers that are not text are shown in base64.`

// deadDetail is one dead letter, whole.
type deadDetail struct {
	deadRow
	DoneBy     *deadletter.Run `json:"done_by,omitempty"`
	Stack      string          `json:"stack,omitempty"`
	KeyBytes   string          `json:"key_base64,omitempty"`
	Headers    []deadHeader    `json:"headers"`
	Value      json.RawMessage `json:"value"` // decoded; null for a tombstone and for what cannot be decoded
	ValueBytes string          `json:"value_base64,omitempty"`
	Undecoded  string          `json:"undecoded,omitempty"` // why there is no value
	Redrive    string          `json:"redrive,omitempty"`   // the command
}

type deadHeader struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Bytes string `json:"base64,omitempty"` // in place of value
}

func (a *app) deadShow() *cobra.Command {
	var out format
	cmd := &cobra.Command{
		Use:        "show TOPIC PARTITION:OFFSET [flags]",
		SuggestFor: []string{"get", "describe", "peek"},
		Short:      "Show one dead letter, decoded",
		Long:       deadShowLong,
		Example: "  headrace dead show flights.delays.dead 0:47\n" +
			"  headrace dead show flights.delays.dead/0@47 -o json",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && strings.Contains(args[0], "/") {
				return nil
			}
			return exactly("TOPIC", "PARTITION:OFFSET")(cmd, args)
		},
		ValidArgsFunction: completeFirst(a.completeDead),
		RunE:              a.run(func(ctx context.Context, args []string) error { return a.runDeadShow(ctx, args, out) }),
	}
	out.bind(cmd)
	return cmd
}

// showPosition reads TOPIC PARTITION:OFFSET, or TOPIC/PARTITION@OFFSET.
func showPosition(args []string) (topic string, position deadletter.Position, err error) {
	text := ""
	if len(args) == 1 {
		topic, text, _ = strings.Cut(args[0], "/")
		text = strings.Replace(text, "@", ":", 1)
	} else {
		topic, text = args[0], args[1]
	}
	if position, err = parsePosition(text); err != nil {
		err = usagef("%q: %v", strings.Join(args, " "), err)
	}
	return topic, position, err
}

func (a *app) runDeadShow(ctx context.Context, args []string, out format) error {
	topic, position, err := showPosition(args)
	if err != nil {
		return err
	}
	cluster, err := a.cluster()
	if err != nil {
		return err
	}
	if err := a.checkTopic(ctx, cluster, topic, nil); err != nil {
		return err
	}
	reg, closeRegistry, err := a.maybeRegistry(ctx, false)
	if err != nil {
		return err
	}
	defer closeRegistry()
	ctx, cancel := a.within(ctx)
	defer cancel()
	letter, run, err := deadletter.ReadAt(ctx, cluster, reg, headrace.Location{Topic: topic, Partition: position.Partition, Offset: position.Offset})
	if err != nil {
		return err
	}
	detail := deadDetailOf(ctx, &letter, reg)
	detail.DoneBy = run
	if out != "table" {
		return printOne(a.Stdout, out, detail)
	}
	return a.printDetail(&detail)
}

func deadDetailOf(ctx context.Context, d *deadletter.Letter, reg *registry.Client) deadDetail {
	detail := deadDetail{deadRow: deadRowOf(*d), Stack: d.Stack, Headers: []deadHeader{}}
	if !utf8.Valid(d.Key) {
		detail.KeyBytes = base64.StdEncoding.EncodeToString(d.Key)
	}
	for _, h := range d.Raw {
		header := deadHeader{Key: h.Key, Value: string(h.Value)}
		if !utf8.Valid(h.Value) || strings.ContainsRune(header.Value, 0) {
			header.Value, header.Bytes = "", base64.StdEncoding.EncodeToString(h.Value)
		}
		detail.Headers = append(detail.Headers, header)
	}
	text, s, err := d.JSON(ctx, reg)
	switch {
	case err == nil:
		detail.Value, detail.Event = text, s.FullName()
	case errors.Is(err, schema.ErrTombstone):
		detail.Undecoded = "the value is null"
	default:
		detail.Undecoded = err.Error()
		detail.ValueBytes = base64.StdEncoding.EncodeToString(d.Value)
	}
	if d.Fate == deadletter.FateOpen && d.Origin.Topic != "" { // others cannot be returned
		detail.Redrive = fmt.Sprintf("headrace dead redrive %s %s", d.Topic, positionFlag(d.Partition, d.Offset))
	}
	return detail
}

// printDetail is for reading.
func (a *app) printDetail(d *deadDetail) error {
	out := &strings.Builder{}
	line := func(name, value string) {
		if value != "" {
			fmt.Fprintf(out, "%-10s %s\n", name, clean(value))
		}
	}
	line("place", headrace.Location{Topic: d.Topic, Partition: d.Partition, Offset: d.Offset}.String())
	state := d.State
	if d.DoneBy != nil {
		state += fmt.Sprintf(" by %s at %s", dash(d.DoneBy.By), moment(d.DoneBy.Began))
		if d.DoneBy.Reason != "" {
			state += ": " + d.DoneBy.Reason
		}
	}
	line("state", state)
	line("event", strings.Trim(d.Event+", "+d.Schema, ", "))
	line("error", strings.TrimPrefix(d.Kind+": "+d.Error, ": "))
	line("cause", d.Cause)
	line("handler", strings.TrimSpace(d.Group+" "+d.Handler))
	line("attempts", fmt.Sprintf("%d, redriven %d times", d.Attempts, d.Redrives))
	line("died", d.Died)
	origin := "unknown"
	if d.Origin.Topic != "" {
		origin = headrace.Location{Topic: d.Origin.Topic, Partition: d.Origin.Partition, Offset: d.Origin.Offset}.String()
	}
	line("origin", origin+", "+d.Time)
	line("family", d.Family)
	key := d.Key
	if d.KeyBytes != "" {
		key = "base64 " + d.KeyBytes
	}
	line("key", key)
	if d.Stack != "" {
		fmt.Fprintf(out, "\nstack\n%s\n", cleanLines(d.Stack, "  "))
	}
	fmt.Fprint(out, "\nheaders\n")
	for _, h := range d.Headers {
		value := strconv.Quote(h.Value)
		if h.Bytes != "" {
			value = "base64 " + h.Bytes
		}
		fmt.Fprintf(out, "  %s: %s\n", clean(h.Key), value)
	}
	fmt.Fprint(out, "\nvalue\n")
	switch {
	case d.Value != nil:
		var indented strings.Builder
		encoder := json.NewEncoder(&indented)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(d.Value); err != nil {
			return err
		}
		fmt.Fprintln(out, cleanLines(indented.String(), ""))
	default:
		fmt.Fprintf(out, "  %s\n", clean(d.Undecoded))
		if d.ValueBytes != "" {
			fmt.Fprintf(out, "  base64 %s\n", d.ValueBytes)
		}
	}
	if d.Redrive != "" {
		fmt.Fprintf(out, "\nTo return it: %s\n", d.Redrive)
	}
	_, err := fmt.Fprint(a.Stdout, out.String())
	return err
}
