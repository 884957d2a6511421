package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
	"github.com/headrace/headrace/topics"
)

const consumeLong = `Print the events of a topic as JSON, one per line, in the order of each partition. It reads outside of
any group and commits nothing. The lines are what "headrace produce" takes.

--offset says where to read:
  start            from the first event that is kept (the default)
  end              only what is written from now on
  47, +2, -3       from an offset; 2 after the start; 3 before the end
  10:20, :end      from an offset up to, not including, another; everything there is now
  @TIME, @T1:T2    from a time; between two times. A time is 2026-11-23, 2026-11-23T10:00:00Z,
                   seconds or milliseconds since 1970, or a duration before now: -48h

It ends at the range's end, after -n events, at what is there now with --until-end, or when interrupted.
An event that cannot be decoded is reported on standard error and passed over; the exit code is then 1.`

type consumeFlags struct {
	offset     string
	count      int64
	partitions []int32
	output     string
	meta       bool
	untilEnd   bool
	tagged     bool
}

func (a *app) consume() *cobra.Command {
	var f consumeFlags
	cmd := &cobra.Command{
		Use:   "consume TOPIC [flags]",
		Short: "Print the events of a topic as JSON lines",
		Long:  consumeLong,
		Example: "  headrace consume flights --offset start -n 10 -o json\n" +
			"  headrace consume flights --offset -5 --meta\n" +
			"  headrace consume flights --offset @-1h --until-end > last-hour.jsonl",
		Args:              exactly("TOPIC"),
		ValidArgsFunction: a.completeTopic,
		RunE:              a.run(func(ctx context.Context, args []string) error { return a.runConsume(ctx, args[0], f) }),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.offset, "offset", "start", "`range` to read")
	flags.Int64VarP(&f.count, "num", "n", 0, "stop after this `number` of events (default no limit)")
	flags.Int32SliceVarP(&f.partitions, "partitions", "p", nil, "read only these `partitions` (default all)")
	flags.Lookup("partitions").DefValue = "" // or help would say "default []"
	flags.StringVarP(&f.output, "output", "o", "json", "output `format`: json, one event per line")
	flags.BoolVar(&f.meta, "meta", false, "add partition, offset, time, key, headers and schema")
	flags.BoolVar(&f.tagged, "tagged", false, "name the branch of every union's value, as in {\"string\": \"x\"}")
	flags.BoolVar(&f.untilEnd, "until-end", false, "stop at the end that the topic has now")
	_ = cmd.RegisterFlagCompletionFunc("output", // the flag exists
		cobra.FixedCompletions([]string{"json", "jsonl"}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) runConsume(ctx context.Context, topic string, f consumeFlags) error {
	span, err := f.span()
	if err != nil {
		return err
	}
	cluster, err := a.cluster()
	if err != nil {
		return err
	}
	if err := a.checkTopic(ctx, cluster, topic, f.partitions); err != nil {
		return err
	}
	reg, err := a.openRegistry(ctx)
	if err != nil {
		return err
	}
	defer reg.Close()

	out := newLineWriter(a.Stdout)
	p := &printer{app: a, registry: reg, schemas: map[schema.Ref]*schema.Schema{}, meta: f.meta, tagged: f.tagged, limit: f.count, out: out}
	err = reader.Read(ctx, reader.Config{
		Cluster:    cluster,
		Topic:      topic,
		Partitions: f.partitions,
		Range:      span,
		Logger:     a.logger(),
	}, func(r reader.Record) error { return p.print(ctx, r) })
	if err := errors.Join(err, out.close()); err != nil {
		return err
	}
	if p.bad > 0 {
		return fmt.Errorf("%s of %s events could not be decoded", humanize.Comma(p.bad), humanize.Comma(p.bad+p.good))
	}
	return nil
}

// span checks the flags and reads the range.
func (f consumeFlags) span() (reader.Range, error) {
	if f.output != "json" && f.output != "jsonl" {
		return reader.Range{}, usagef("--output %s: events are printed as json, one per line", f.output)
	}
	if f.count < 0 {
		return reader.Range{}, usagef("-n %d: must be at least 1", f.count)
	}
	span, err := reader.ParseRange(f.offset, time.Now())
	if err != nil {
		return reader.Range{}, &usageError{err}
	}
	if f.untilEnd && span.To.IsZero() {
		span.To = reader.AtEnd()
	}
	return span, nil
}

// checkTopic fails at once when there is no broker, no such topic or no such partition.
func (a *app) checkTopic(ctx context.Context, cluster headrace.Cluster, topic string, partitions []int32) error {
	ctx, cancel := a.within(ctx)
	defer cancel()
	found, err := topics.List(ctx, cluster, topic)
	if err != nil {
		return err
	}
	for _, wanted := range partitions {
		if !slices.ContainsFunc(found[0].Partitions, func(p topics.Partition) bool { return p.ID == wanted }) {
			return usagef("--partitions: topic %s has no partition %d: it has 0 to %d", topic, wanted, len(found[0].Partitions)-1)
		}
	}
	return nil
}

// printer prints records.
type printer struct {
	app      *app
	registry *registry.Client
	schemas  map[schema.Ref]*schema.Schema
	meta     bool
	tagged   bool
	limit    int64
	out      *lineWriter
	line     bytes.Buffer
	good     int64
	bad      int64
}

func (p *printer) print(ctx context.Context, r reader.Record) error {
	if r.Fault != nil {
		p.bad++
		p.app.note("topic %s partition %d offset %d: %v", r.Topic, r.Partition, r.Offset, r.Fault)
		return nil //nolint:nilerr // a record that cannot be read is counted, and the next one is printed
	}
	value, ref, writer, err := p.decode(ctx, r)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case registry.Unavailable(err):
		return fmt.Errorf("topic %s partition %d offset %d: %w", r.Topic, r.Partition, r.Offset, err)
	case err != nil:
		p.bad++
		p.app.note("topic %s partition %d offset %d: %v", r.Topic, r.Partition, r.Offset, err)
		return nil
	}
	p.line.Reset()
	if p.meta {
		if err := printLine(&p.line, envelopeOf(r, ref, writer, value)); err != nil {
			return err
		}
	} else {
		p.line.Write(value)
		p.line.WriteByte('\n')
	}
	if err := p.out.write(p.line.Bytes()); err != nil {
		return err
	}
	if p.good++; p.good == p.limit {
		return reader.ErrStop
	}
	return nil
}

// decode turns a record's value into JSON; a tombstone is null and has no schema.
func (p *printer) decode(ctx context.Context, r reader.Record) ([]byte, schema.Ref, *schema.Schema, error) {
	ref, body, err := schema.ParseWire(r.Value, r.Header)
	if errors.Is(err, schema.ErrTombstone) {
		return []byte("null"), ref, nil, nil
	}
	if err != nil {
		return nil, ref, nil, err
	}
	writer, ok := p.schemas[ref]
	if !ok {
		asking, cancel := p.app.within(ctx)
		defer cancel()
		if writer, err = p.registry.ResolveFor(asking, schema.TopicName(r.Topic), ref); err != nil {
			return nil, ref, nil, err
		}
		p.schemas[ref] = writer
	}
	render := schema.ToJSON
	if p.tagged {
		render = schema.ToTaggedJSON
	}
	value, err := render(writer, body)
	return value, ref, writer, err
}
