package progress

import "testing"

// checkUse takes a note up as a partition does.
func checkUse(t *testing.T, n *Note) {
	t.Helper()
	s := Suspect(n)
	if s.Deaths() > 0 && !s.Over(s.Begins()) {
		done := n.Done.Clone()
		if turn := s.Turn(&done, max(s.Begins(), done.Prefix())); turn.Reach < turn.From && !s.Over(turn.From) {
			t.Fatalf("turn %+v", turn)
		}
	}
	cut := Note{Done: n.Done.Clone(), Mark: n.Mark}
	end := n.Done.Prefix() + 100
	if end < 0 {
		return
	}
	if cut.Cut(end); cut.Done.End() > max(end, n.Done.Prefix()) || cut.Mark.Reach > max(end, n.Done.Prefix()) {
		t.Fatalf("cut at %d: %+v", end, cut)
	}
}
