package cli

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/headrace/headrace/replay"
)

// outcomeRow is what became of a copy.
type outcomeRow struct {
	Replay    string           `json:"replay"`
	Done      bool             `json:"done"`
	Topic     string           `json:"topic"`
	Events    int64            `json:"events"`
	Bytes     int64            `json:"bytes"`
	Filtered  int64            `json:"filtered"`
	Unknown   int64            `json:"unknown"`
	Reencoded int64            `json:"reencoded"`
	Dead      int64            `json:"dead_lettered"`
	Left      int64            `json:"left"` // offsets that are still to be copied
	Skipped   int64            `json:"skipped"`
	First     []replay.Skipped `json:"first_skipped,omitempty"`
}

func (r *replayApplying) copy(ctx context.Context) error {
	cfg, closeRegistries, err := r.copyConfig(ctx)
	if err != nil {
		return err
	}
	defer closeRegistries()
	quick, cancel := r.within(ctx)
	before, err := replay.PlanCopy(quick, cfg)
	cancel()
	if err != nil {
		return err
	}
	r.show(before)
	if r.dryRun {
		if err := r.printOutcome(before); err != nil {
			return err
		}
		if before.Done {
			return nil
		}
		return errChanges
	}
	if before.Done { // only its record may have to be settled
		r.yes, r.confirmed = true, r.plan.Target.Topic
	}
	if err := r.agree(ctx, fmt.Sprintf("Copy to topic %s?", r.plan.Target.Topic), r.plan.Target.Topic); err != nil {
		return err
	}
	progress := &copyProgress{app: r.app, began: time.Now(), first: before}
	cfg.Progress = progress.show
	out, err := replay.Copy(ctx, cfg)
	progress.end()
	if err != nil {
		return r.stopped(ctx, out, err)
	}
	for _, s := range out.Skipped {
		r.note("skipped topic %s partition %d offsets %d to %d: %s", s.Topic, s.Partition, s.From, s.To, oneLine(s.Reason))
	}
	if err := r.printOutcome(out); err != nil {
		return err
	}
	far := ""
	if !before.Done {
		far = ", " + rateOf(out.Events-before.Events, time.Since(progress.began))
	}
	r.note("replay %s is done: topic %s holds %s of it%s", r.plan.ID, r.plan.Target.Topic, plural(out.Events), far)
	return nil
}

// show tells what is about to be done.
func (r *replayApplying) show(before replay.Outcome) {
	p := r.plan
	r.note("replay %s: %s of %s into topic %s", p.ID, plural(p.Counts.Events), oneLine(strings.Join(p.Source.Topics, ", ")), p.Target.Topic)
	for _, risk := range p.Risks {
		r.note("  %s", oneLine(risk))
	}
	switch {
	case before.Done:
		r.note("it is done: nothing is left to copy")
	case before.Passed > 0:
		r.note("it goes on: %s are copied, and %s of %s offsets are left", plural(before.Events), humanize.Comma(before.Total-before.Passed), humanize.Comma(before.Total))
	}
}

func (r *replayApplying) printOutcome(out replay.Outcome) error {
	row := outcomeRow{
		Replay: r.plan.ID, Done: out.Done, Topic: r.plan.Target.Topic, Events: out.Events, Bytes: out.Bytes, Filtered: out.Filtered,
		Unknown: out.Unknown, Reencoded: out.Reencoded, Dead: out.Dead,
		Left: out.Total - out.Passed, Skipped: out.SkippedTotal, First: out.Skipped,
	}
	if r.out != "table" {
		return printOne(r.Stdout, r.out, row)
	}
	return print(r.Stdout, "table", []outcomeRow{row}, "REPLAY TOPIC EVENTS FILTERED UNKNOWN REENCODED SKIPPED DEAD LEFT", func(o outcomeRow) []any {
		return []any{o.Replay, o.Topic, o.Events, o.Filtered, o.Unknown, o.Reencoded, o.Skipped, o.Dead, o.Left}
	})
}

// stopped says how to go on.
func (r *replayApplying) stopped(ctx context.Context, out replay.Outcome, err error) error {
	if out.Total == 0 {
		return err // it has not begun
	}
	how := "stopped"
	switch {
	case ctx.Err() != nil:
		how = "interrupted"
	case errors.Is(err, replay.ErrCancelled):
		how = "cancelled"
	}
	copied := fmt.Sprintf("%s: %s of %s are copied", how, plural(out.Events), humanize.Comma(r.plan.Counts.Events))
	_, mismatch := errors.AsType[*replay.MismatchError](err)
	_, stale := errors.AsType[*replay.StaleError](err)
	if mismatch || stale { // the same command would be refused, and what the target holds is not known
		r.note("%s", copied)
		return err
	}
	r.note("%s, nothing is lost or doubled; to go on:\n  %s", copied, r.again())
	return err
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_./:=,@%+-]+$`)

// userInfo is what comes between the scheme and the host of a URL, up to the last @, as url.Parse takes it.
var userInfo = regexp.MustCompile(`://[^/?#]*@`)

// again is this very command, but for the secrets in URLs.
func (a *app) again() string {
	words := []string{"headrace"}
	for _, word := range a.Args {
		word = userInfo.ReplaceAllLiteralString(word, "://***@")
		if !plainWord.MatchString(word) {
			word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// copyProgress rewrites one line of the terminal about once a second.
type copyProgress struct {
	app   *app
	began time.Time
	first replay.Outcome

	mu    sync.Mutex
	shown bool
}

func (p *copyProgress) show(out replay.Outcome) {
	if !p.app.watched || out.Total == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.shown = true
	p.app.rewrite(progressLine(p.first, out, time.Since(p.began)))
}

func (p *copyProgress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		p.app.rewrite("")
	}
}

// progressLine is how far it is, how fast, and how long it will take at that pace.
func progressLine(first, now replay.Outcome, took time.Duration) string {
	line := fmt.Sprintf("%3d%%  %s  %s", 100*now.Passed/now.Total, plural(now.Events), rateOf(now.Events-first.Events, took))
	if passed := now.Passed - first.Passed; passed > 0 && now.Passed < now.Total && took > time.Second {
		left := time.Duration(float64(took) * float64(now.Total-now.Passed) / float64(passed))
		line += fmt.Sprintf("  %v left", left.Round(time.Second))
	}
	return line
}

func rateOf(events int64, took time.Duration) string {
	return humanize.Comma(int64(float64(events)/max(took.Seconds(), 1e-3))) + "/s"
}
