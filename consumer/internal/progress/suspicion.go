package progress

// turns bounds how many turns suspects are handed over in: up to as many run one at a time, more of them in groups.
const turns = 64

// Suspicion is what the death of a worker leaves on a partition: events of which one may have caused it. It says in which turns they
// are handed over, so that another death tells more. The zero Suspicion suspects nothing. It is a plain value.
type Suspicion struct {
	first, end int64 // suspects are the events in between that are not done
	size       int64 // suspects in a turn
	deaths     int
	alone      bool // the only suspect was alone in hand at the last death
	died       bool
	gone       Gone
}

// Suspect takes up what a note says: after a death the events that were in hand are suspects; after an orderly end those that were
// suspects before and had no turn. An owner that is not heard of has died; see [Note.Spare] for those that are.
func Suspect(n *Note) Suspicion {
	m := n.Mark
	s := Suspicion{first: m.From, end: m.Reach, deaths: m.Deaths, alone: m.Alone, died: m.Working, gone: m.Gone}
	if m.Working {
		s.deaths, s.gone = min(m.Deaths+1, MaxDeaths), m.Gone.with(m.Owner)
	}
	open := n.Done.Open(s.first, s.end)
	if open == 0 || s.deaths == 0 {
		return Suspicion{}
	}
	s.size = (open-1)/turns + 1
	return s
}

// Over reports whether no suspects are left at an offset or above it.
func (s *Suspicion) Over(offset int64) bool { return offset >= s.end }

// Begins is the offset of the first suspect, or below it. What comes before is handed over as ever.
func (s *Suspicion) Begins() int64 { return s.first }

// Deaths is in how many deaths in a row the suspects had a part.
func (s *Suspicion) Deaths() int { return s.deaths }

// Turn returns the mark to commit before the events of the next turn are handed over, which are those from offset, that of an event,
// up to the mark's reach. A turn that is Alone needs more: no other suspect of the worker may be in hand meanwhile.
//
// From the second death on single suspects run alone. Not from the first, since most deaths are not an event's doing.
func (s *Suspicion) Turn(done *Done, offset int64) Mark {
	m := Mark{
		Working: true,
		From:    offset,
		Reach:   min(s.end, done.Reach(offset, s.size)),
		Deaths:  s.deaths,
		Alone:   s.size == 1 && s.deaths > 1,
		Gone:    s.gone,
		Charged: s.Attempts(offset) > 0,
	}
	if s.end > m.Reach {
		m.End = s.end
	}
	return m
}

// Attempts is how often the event at offset is known to have been in hand when a worker died.
func (s *Suspicion) Attempts(offset int64) int {
	if s.alone && offset == s.first {
		return s.deaths
	}
	return 0
}

// Died reports whether the last worker died, rather than leaving suspects behind in order.
func (s *Suspicion) Died() bool { return s.died }

// Left returns the mark of an orderly end, when the suspects from next on have had no turn.
func (s *Suspicion) Left(next int64) Mark {
	if s.Over(next) {
		return Mark{}
	}
	return Mark{From: max(s.first, next), Reach: s.end, Deaths: s.deaths, Alone: s.alone, Gone: s.gone}
}
