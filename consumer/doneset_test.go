package consumer

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestDoneSetPrefixStopsAtTheFirstHole(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		marks  []span
		prefix int64
		beyond []span
	}{
		{"nothing done", nil, 10, nil},
		{"in order", []span{{10, 11}, {11, 12}}, 12, nil},
		{"a hole", []span{{11, 12}}, 10, []span{{11, 12}}},
		{"a hole closed", []span{{11, 12}, {12, 14}, {10, 11}}, 14, nil},
		{"two holes, the upper closed", []span{{11, 12}, {15, 16}, {12, 15}}, 10, []span{{11, 16}}},
		{"twice", []span{{11, 12}, {11, 12}, {10, 12}, {10, 11}}, 12, nil},
		{"below the start", []span{{3, 7}}, 10, nil},
		{"across the start", []span{{3, 12}}, 12, nil},
		{"empty", []span{{12, 12}, {13, 11}}, 10, nil},
		{"over several", []span{{12, 13}, {15, 16}, {18, 19}, {14, 18}}, 10, []span{{12, 13}, {14, 19}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := doneSet{prefix: 10}
			for _, m := range tc.marks {
				s.mark(m.first, m.end)
			}
			if s.prefix != tc.prefix || !slices.Equal(s.beyond, tc.beyond) {
				t.Errorf("got prefix %d beyond %v, want %d %v", s.prefix, s.beyond, tc.prefix, tc.beyond)
			}
		})
	}
}

// TestDoneSetIsAPlainSet compares it with a map of offsets, for marks in any order.
func TestDoneSetIsAPlainSet(t *testing.T) {
	t.Parallel()
	const end = 60
	rapid.Check(t, func(t *rapid.T) {
		var s doneSet
		model := map[int64]bool{}
		for range rapid.IntRange(1, 40).Draw(t, "marks") {
			first := rapid.Int64Range(0, end-1).Draw(t, "first")
			stop := first + rapid.Int64Range(0, 8).Draw(t, "length")
			s.mark(first, stop)
			for o := first; o < stop; o++ {
				model[o] = true
			}

			var prefix int64
			for model[prefix] {
				prefix++
			}
			if s.prefix != prefix {
				t.Fatalf("prefix %d, want %d", s.prefix, prefix)
			}
			for o := range int64(end + 10) {
				if s.done(o) != model[o] {
					t.Fatalf("done(%d) = %t", o, s.done(o))
				}
			}
			for i, b := range s.beyond {
				before := s.prefix
				if i > 0 {
					before = s.beyond[i-1].end
				}
				if b.first <= before || b.end <= b.first {
					t.Fatalf("spans not apart: %v above %d", s.beyond, s.prefix)
				}
			}
		}
	})
}
