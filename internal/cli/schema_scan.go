package cli

import (
	"context"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/headrace/headrace/internal/disk"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/schema"
)

const schemaScanLong = `List which schemas the events of a topic were written with: how many events each, the earliest and the latest.
Only the header of each value is looked at, so that it runs as fast as events can be fetched. Values that are
not in the registry's wire format, and tombstones, are counted apart.

With --reader it is a gate before a deployment or a replay: each writer's schema is resolved against the
reader of its name in these files and folders, the schemas that a service was compiled with. What a reader
cannot read is named field by field, and the exit code is 100. A registry compares versions; this compares
with the data that is there. Events that no reader is for are listed and are no failure.

--offset says where to look, as in "headrace consume"; --sample looks at about so many events, spread evenly
over the range, and may miss a schema that few were written with.`

type schemaScanFlags struct {
	offset     string
	sample     int64
	partitions []int32
	readers    []string
	out        scanFormat
}

func (a *app) schemaScan() *cobra.Command {
	var f schemaScanFlags
	cmd := &cobra.Command{
		Use:   "scan TOPIC [flags]",
		Short: "List the schemas in a topic's log, and what a reader could not read",
		Long:  schemaScanLong,
		Example: "  headrace schema scan flights\n" +
			"  headrace schema scan flights --reader events/schemas -o github-actions\n" +
			"  headrace schema scan flights --offset @-7d --sample 100000",
		Args:              exactly("TOPIC"),
		ValidArgsFunction: a.completeTopic,
		RunE: a.runCommand(func(cmd *cobra.Command, args []string) error {
			return a.runSchemaScan(cmd, args[0], f)
		}),
	}
	flags := cmd.Flags()
	flags.StringVar(&f.offset, "offset", "start", "`range` to look at")
	flags.Int64Var(&f.sample, "sample", 0, "look at about this `number` of events (default all)")
	flags.Int32SliceVarP(&f.partitions, "partitions", "p", nil, "look only at these `partitions` (default all)")
	flags.Lookup("partitions").DefValue = "" // or help would say "default []"
	flags.StringSliceVarP(&f.readers, "reader", "r", nil, "`file or folder` with the schemas of a reader; may be repeated")
	f.out.bind(cmd)
	return cmd
}

func (a *app) runSchemaScan(cmd *cobra.Command, topic string, f schemaScanFlags) error {
	ctx := cmd.Context()
	span, err := reader.ParseRange(f.offset, time.Now())
	if err != nil {
		return &usageError{err}
	}
	if f.sample < 0 {
		return usagef("--sample %d: must not be negative", f.sample)
	}
	if f.out.findings() && len(f.readers) == 0 {
		return usagef("--output %s prints findings, which only --reader makes", f.out.name)
	}
	readers, err := a.readers(f.readers)
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
	registry, err := a.openRegistry(ctx)
	if err != nil {
		return err
	}
	defer registry.Close()
	progress := &scanProgress{app: a, began: time.Now()}
	scan, err := reader.Scan(ctx, reader.ScanConfig{
		Read:     reader.Config{Cluster: cluster, Topic: topic, Partitions: f.partitions, Range: span, Logger: a.logger()},
		Sample:   f.sample,
		Progress: progress.show,
	})
	progress.end()
	if err != nil {
		return err
	}
	asking, cancel := a.withinEach(ctx, len(scan.Writers))
	defer cancel()
	verdicts, err := scan.Check(asking, registry, readers.schemas...)
	if err != nil {
		return err
	}
	a.tellScan(scan, time.Since(progress.began))
	if !f.out.findings() {
		if err := print(a.Stdout, format(f.out.name), scanRows(scan, verdicts, len(f.readers) > 0), scanHeader(len(f.readers) > 0), scanCells(len(f.readers) > 0)); err != nil {
			return err
		}
	}
	if len(f.readers) == 0 {
		return nil
	}
	return a.gate(cmd, f, readers, scan, verdicts)
}

// readers are the schemas that writers are held against.
type readers struct {
	folder  *schema.Folder
	schemas []*schema.Schema
}

func (a *app) readers(paths []string) (readers, error) {
	if len(paths) == 0 {
		return readers{}, nil
	}
	file, err := a.project()
	if err != nil {
		return readers{}, err
	}
	folder, err := schema.ReadFolder(disk.FS{}, paths, library(file)...)
	if err != nil {
		return readers{}, err
	}
	r := readers{folder: folder}
	for _, f := range folder.Files {
		r.schemas = append(r.schemas, f.Schema)
	}
	return r, nil
}

// tellScan says on standard error how much was looked at.
func (a *app) tellScan(scan *reader.SchemaScan, took time.Duration) {
	rate := ""
	if seconds := took.Seconds(); seconds >= 1 {
		rate = fmt.Sprintf(", %s a second", humanize.Comma(int64(float64(scan.Events)/seconds)))
	}
	sample := ""
	if scan.Sampled {
		sample = " of a sample: a schema that few events were written with may be missing"
	}
	a.note("looked at %s%s%s", plural(scan.Events), rate, sample)
	if scan.Overflow > 0 {
		a.note("%s name further schemas, which were not counted apart", plural(scan.Overflow))
	}
}

// scanProgress rewrites one line of the terminal a few times a second.
type scanProgress struct {
	app   *app
	began time.Time
	shown time.Time
}

func (p *scanProgress) show(done, total int64) {
	if now := time.Now(); p.app.watched && total > 0 && now.Sub(p.shown) > 200*time.Millisecond {
		p.shown = now
		p.app.rewrite(fmt.Sprintf("%3d%% %s", 100*done/total, plural(done)))
	}
}

func (p *scanProgress) end() {
	if !p.shown.IsZero() {
		p.app.rewrite("")
	}
}

// runCommand adapts a command's function that needs the command itself.
func (a *app) runCommand(fn func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		return a.run(func(context.Context, []string) error { return fn(cmd, args) })(cmd, args)
	}
}
