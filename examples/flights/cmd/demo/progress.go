package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"
)

// stage is one part of the pipeline, and how far it has come.
type stage struct {
	name string
	all  int64
	done func() int64
}

const (
	lookEvery = 50 * time.Millisecond
	sayEvery  = time.Second // without a terminal
)

// watch shows the stages' progress until all of them are done, as bars on a terminal and as lines elsewhere.
func watch(ctx context.Context, out io.Writer, stages []stage) error {
	show, end := lines(out, stages)
	if drawable(out) {
		show, end = bars(out, stages)
	}
	defer end()
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	for {
		show()
		if done(stages) {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			return fmt.Errorf("%w: %s", context.Cause(ctx), line(stages))
		}
	}
}

// drawable reports whether out is a terminal that says how large it is.
func drawable(out io.Writer) bool {
	f, ok := out.(*os.File)
	if !ok {
		return false
	}
	width, height, err := term.GetSize(int(f.Fd()))
	return err == nil && width > 0 && height > 0
}

func done(stages []stage) bool {
	for _, s := range stages {
		if s.done() < s.all {
			return false
		}
	}
	return true
}

func line(stages []stage) string {
	parts := make([]string, len(stages))
	for i, s := range stages {
		parts[i] = fmt.Sprintf("%s %d/%d", s.name, s.done(), s.all)
	}
	return strings.Join(parts, "  ")
}

func lines(out io.Writer, stages []stage) (show, end func()) {
	said := time.Now()
	show = func() {
		if time.Since(said) >= sayEvery {
			said = time.Now()
			fmt.Fprintln(out, "progress ", line(stages))
		}
	}
	return show, func() { fmt.Fprintln(out, "progress ", line(stages)) }
}

func bars(out io.Writer, stages []stage) (show, end func()) {
	all := mpb.New(mpb.WithOutput(out), mpb.WithWidth(50))
	bar := make([]*mpb.Bar, len(stages))
	for i, s := range stages {
		bar[i] = all.AddBar(s.all,
			mpb.PrependDecorators(decor.Name(s.name, decor.WCSyncSpaceR)),
			mpb.AppendDecorators(decor.CountersNoUnit("%d/%d", decor.WCSyncSpace), decor.AverageSpeed(0, "  %.0f/s")))
	}
	show = func() {
		for i, s := range stages {
			bar[i].SetCurrent(s.done())
		}
	}
	end = func() {
		for _, b := range bar {
			b.Abort(false) // leaves it as it is when it is not complete
		}
		all.Wait()
	}
	return show, end
}
