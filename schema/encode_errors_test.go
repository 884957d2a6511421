package schema

import (
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"
	"time"
)

func TestEncodeErrorsNameTheField(t *testing.T) {
	t.Parallel()
	enc, err := NewEncoder[everything]()
	if err != nil {
		t.Fatal(err)
	}
	bad, points := "\xff", int64(1)
	for path, c := range map[string]struct {
		set    func(*everything)
		reason string
	}{
		"/intAsInt":                {func(e *everything) { e.IntAsInt = math.MaxInt32 + 1 }, "does not fit an int"},
		"/uint64":                  {func(e *everything) { e.Uint64 = math.MaxInt64 + 1 }, "does not fit a long"},
		"/string":                  {func(e *everything) { e.String = bad }, "UTF-8"},
		"/strings/1":               {func(e *everything) { e.Strings = []string{"", bad} }, "UTF-8"},
		"/cards/0/number":          {func(e *everything) { e.Cards = []card{{bad}} }, "UTF-8"},
		"/map/a key":               {func(e *everything) { e.Map = map[string]float64{bad: 1} }, "UTF-8"},
		"/maybeMap/k":              {func(e *everything) { e.MaybeMap = map[string]string{"k": bad} }, "UTF-8"},
		"/colour":                  {func(e *everything) { e.Colour = "PINK" }, "no symbol of enum all.Colour"},
		"/severity":                {func(e *everything) { e.Severity = 2 }, "no such severity"},
		"/pointer":                 {func(e *everything) { e.Pointer = nil }, "nil"},
		"/payment":                 {func(e *everything) { e.Payment = payment{} }, "no branch"},
		"/payment2":                {func(e *everything) { e.Payment2 = &payment{Card: &card{}, Points: &points} }, "both set"},
		"/decimal":                 {func(e *everything) { e.Decimal = *big.NewRat(1, 3) }, "decimal places"},
		"/fixedDecimal":            {func(e *everything) { e.FixedDecimal = big.NewRat(1e18, 1) }, "digits"},
		"/maybeDecimal":            {func(e *everything) { e.MaybeDecimal = big.NewRat(1001, 1) }, "digits"},
		"/uuid":                    {func(e *everything) { e.UUID = "x" }, "UUID"},
		"/uuidFixedText":           {func(e *everything) { e.UUIDFixedText = "" }, "UUID"},
		"/timeMillis":              {func(e *everything) { e.TimeMillis = 24 * time.Hour }, "time of day"},
		"/timeMicros":              {func(e *everything) { e.TimeMicros = -1 }, "time of day"},
		"/nanos":                   {func(e *everything) { e.Nanos = time.Time{} }, "beyond"},
		"/maybeNanos":              {func(e *everything) { e.MaybeNanos = new(time.Time) }, "beyond"},
		"/payment/all.Card/number": {func(e *everything) { e.Payment = payment{Card: &card{bad}} }, "UTF-8"},
	} {
		e := fullEverything()
		c.set(&e)
		dst, err := enc.Append([]byte("kept"), &e)
		var fault *EncodeError
		if !errors.As(err, &fault) || !strings.Contains(fault.Reason, c.reason) || string(dst) != "kept" {
			t.Errorf("%s: %q, %v", path, dst, err)
			continue
		}
		if fault.Path != path && !strings.HasPrefix(path, "/payment/") || fault.Event != "all.Everything" {
			t.Errorf("%s: path %s of %s", path, fault.Path, fault.Event)
		}
	}
	if _, err := enc.Append(nil, nil); err == nil {
		t.Error("nil was encoded")
	}
	ok := fullEverything()
	if _, err := enc.Append(nil, &ok); err != nil {
		t.Errorf("after errors: %v", err)
	}
}
