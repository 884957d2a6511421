package consumer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"
)

func TestOutcomesAreFoundHoweverTheyAreWrapped(t *testing.T) {
	t.Parallel()
	later := RetryAfter(time.Minute, errBroken)
	for name, tc := range map[string]struct {
		err  error
		want outcome
	}{
		"nil":                      {nil, outcome{ending: endDone}},
		"an error":                 {errBroken, outcome{ending: endFailure}},
		"permanent":                {Permanent(errBroken), outcome{ending: endPermanent}},
		"permanent of nil":         {Permanent(nil), outcome{ending: endDone}},
		"retry after":              {later, outcome{ending: endFailure, after: time.Minute}},
		"retry after of nil":       {RetryAfter(time.Minute, nil), outcome{ending: endDone}},
		"retry after, negative":    {RetryAfter(-time.Minute, errBroken), outcome{ending: endFailure}},
		"retry after, too long":    {RetryAfter(1<<62, errBroken), outcome{ending: endFailure, after: MaxDelay}},
		"snooze":                   {Snooze(time.Hour), outcome{ending: endSnooze, after: time.Hour}},
		"snooze of nothing":        {Snooze(0), outcome{ending: endSnooze, after: minSnooze}},
		"snooze, negative":         {Snooze(-time.Hour), outcome{ending: endSnooze, after: minSnooze}},
		"snooze, too long":         {Snooze(1 << 62), outcome{ending: endSnooze, after: MaxDelay}},
		"skip":                     {Skip("seen"), outcome{ending: endSkip, reason: "seen"}},
		"skip, wrapped":            {fmt.Errorf("order 7: %w", Skip("seen")), outcome{ending: endSkip, reason: "seen"}},
		"snooze, joined":           {errors.Join(io.EOF, Snooze(time.Hour)), outcome{ending: endSnooze, after: time.Hour}},
		"permanent before others":  {errors.Join(Skip("seen"), Snooze(time.Hour), later, Permanent(errBroken)), outcome{ending: endPermanent}},
		"retry after before skip":  {fmt.Errorf("%w, %w", Skip("seen"), later), outcome{ending: endFailure, after: time.Minute}},
		"snooze before skip":       {errors.Join(Skip("seen"), Snooze(time.Hour)), outcome{ending: endSnooze, after: time.Hour}},
		"permanent inside another": {RetryAfter(time.Minute, Permanent(errBroken)), outcome{ending: endPermanent}},
	} {
		if got := outcomeOf(tc.err); got != tc.want {
			t.Errorf("%s: got %+v, want %+v", name, got, tc.want)
		}
	}
}

func TestOutcomesKeepTheErrorTheyMark(t *testing.T) {
	t.Parallel()
	for _, err := range []error{Permanent(errBroken), RetryAfter(time.Minute, errBroken)} {
		if !errors.Is(err, errBroken) || err.Error() != errBroken.Error() {
			t.Errorf("got %v", err)
		}
	}
}

func TestFirstClassOfAnErrorCounts(t *testing.T) {
	t.Parallel()
	errKnown, errGone := errors.New("known"), errors.New("gone")
	p := Policy{ErrorRules: []ErrorRule{
		{Is: errGone, Then: Permanent},
		{As: func(err error) bool { _, is := errors.AsType[*PanicError](err); return is }, Then: func(err error) error { return RetryAfter(time.Minute, err) }},
		{Is: context.DeadlineExceeded, Then: func(error) error { return Snooze(time.Hour) }},
		{Is: errKnown, Then: func(error) error { return Skip("known already") }},
		{Is: errKnown, Then: Permanent},
		{Is: io.EOF, Then: func(error) error { return nil }},
	}}
	for name, tc := range map[string]struct {
		err  error
		want outcome
	}{
		"none":                           {nil, outcome{ending: endDone}},
		"in no class":                    {errBroken, outcome{ending: endFailure}},
		"by Is":                          {fmt.Errorf("row: %w", errGone), outcome{ending: endPermanent}},
		"by As":                          {&PanicError{Value: 1}, outcome{ending: endFailure, after: time.Minute}},
		"snooze":                         {context.DeadlineExceeded, outcome{ending: endSnooze, after: time.Hour}},
		"the first":                      {errKnown, outcome{ending: endSkip, reason: "known already"}},
		"the first in Policy.ErrorRules": {errors.Join(errKnown, errGone), outcome{ending: endPermanent}},
		"done":                           {io.EOF, outcome{ending: endDone}},
		"the handler's own choice":       {RetryAfter(time.Second, errGone), outcome{ending: endFailure, after: time.Second}},
		"also when it names no time":     {RetryAfter(0, errGone), outcome{ending: endFailure}},
	} {
		if got := outcomeOf(p.classify(tc.err)); got != tc.want {
			t.Errorf("%s: got %+v, want %+v", name, got, tc.want)
		}
	}
}
