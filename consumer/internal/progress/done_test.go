package progress

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/headrace/headrace"
)

func TestPrefixStopsAtTheFirstHole(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		marks  []headrace.OffsetRange
		prefix int64
		beyond []headrace.OffsetRange
	}{
		{"nothing done", nil, 10, nil},
		{"in order", []headrace.OffsetRange{{From: 10, To: 11}, {From: 11, To: 12}}, 12, nil},
		{"a hole", []headrace.OffsetRange{{From: 11, To: 12}}, 10, []headrace.OffsetRange{{From: 11, To: 12}}},
		{"a hole closed", []headrace.OffsetRange{{From: 11, To: 12}, {From: 12, To: 14}, {From: 10, To: 11}}, 14, nil},
		{"two holes, the upper closed", []headrace.OffsetRange{{From: 11, To: 12}, {From: 15, To: 16}, {From: 12, To: 15}}, 10, []headrace.OffsetRange{{From: 11, To: 16}}},
		{"twice", []headrace.OffsetRange{{From: 11, To: 12}, {From: 11, To: 12}, {From: 10, To: 12}, {From: 10, To: 11}}, 12, nil},
		{"below the start", []headrace.OffsetRange{{From: 3, To: 7}}, 10, nil},
		{"across the start", []headrace.OffsetRange{{From: 3, To: 12}}, 12, nil},
		{"empty", []headrace.OffsetRange{{From: 12, To: 12}, {From: 13, To: 11}}, 10, nil},
		{"over several", []headrace.OffsetRange{{From: 12, To: 13}, {From: 15, To: 16}, {From: 18, To: 19}, {From: 14, To: 18}}, 10, []headrace.OffsetRange{{From: 12, To: 13}, {From: 14, To: 19}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			d := NewDone(10)
			for _, m := range tc.marks {
				d.Mark(m.From, m.To)
			}
			if d.Prefix() != tc.prefix || !slices.Equal(d.Beyond(), tc.beyond) {
				t.Errorf("got prefix %d beyond %v, want %d %v", d.Prefix(), d.Beyond(), tc.prefix, tc.beyond)
			}
		})
	}
}

// drawDone draws a set over the offsets from prefix up to prefix+width.
func drawDone(t *rapid.T, prefix, width int64) Done {
	d := NewDone(prefix)
	for range rapid.IntRange(0, 40).Draw(t, "marks") {
		first := rapid.Int64Range(prefix, prefix+width-1).Draw(t, "first")
		d.Mark(first, min(prefix+width, first+rapid.Int64Range(0, width/8).Draw(t, "length")))
	}
	return d
}

// TestDoneIsAPlainSet compares it with a map of offsets, for marks in any order.
func TestDoneIsAPlainSet(t *testing.T) {
	t.Parallel()
	const end = 60
	rapid.Check(t, func(t *rapid.T) {
		var d Done
		model := map[int64]bool{}
		for range rapid.IntRange(1, 40).Draw(t, "marks") {
			first := rapid.Int64Range(0, end-1).Draw(t, "first")
			stop := first + rapid.Int64Range(0, 8).Draw(t, "length")
			d.Mark(first, stop)
			for o := first; o < stop; o++ {
				model[o] = true
			}

			var prefix int64
			for model[prefix] {
				prefix++
			}
			if d.Prefix() != prefix {
				t.Fatalf("prefix %d, want %d", d.Prefix(), prefix)
			}
			for o := range int64(end + 10) {
				if d.Has(o) != model[o] {
					t.Fatalf("Has(%d) = %t", o, d.Has(o))
				}
			}
			apart(t, &d)
		}
	})
}

// apart fails unless the ranges are in order, not empty, and apart from each other and the prefix.
func apart(t interface{ Fatalf(string, ...any) }, d *Done) {
	before := d.Prefix()
	for _, b := range d.Beyond() {
		if b.From <= before || b.To <= b.From {
			t.Fatalf("ranges not apart: %v above %d", d.Beyond(), d.Prefix())
		}
		before = b.To
	}
	if d.End() != before {
		t.Fatalf("end %d, want %d", d.End(), before)
	}
}

func TestOpenAndReachCountWhatIsNotDone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawDone(t, 10, 50)
		first := rapid.Int64Range(0, 70).Draw(t, "first")
		end := rapid.Int64Range(0, 70).Draw(t, "end")
		var open int64
		for o := first; o < end; o++ {
			if !d.Has(o) {
				open++
			}
		}
		if got := d.Open(first, end); got != open {
			t.Fatalf("Open(%d, %d) = %d, want %d: %v above %d", first, end, got, open, d.Beyond(), d.Prefix())
		}
		n := rapid.Int64Range(1, 20).Draw(t, "n")
		if reach := d.Reach(first, n); d.Open(first, reach) != n || d.Has(reach-1) {
			t.Fatalf("Reach(%d, %d) = %d, below which %d are open: %v above %d", first, n, reach, d.Open(first, reach), d.Beyond(), d.Prefix())
		}
	})
}

func TestCutForgetsFromTheEndOn(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := drawDone(t, 10, 50)
		whole := d.Clone()
		end := rapid.Int64Range(0, 70).Draw(t, "end")
		d.Cut(end)
		apart(t, &d)
		for o := range int64(80) {
			if want := whole.Has(o) && (o < end || o < whole.Prefix()); d.Has(o) != want {
				t.Fatalf("cut at %d: Has(%d) = %t", end, o, d.Has(o))
			}
		}
	})
}
