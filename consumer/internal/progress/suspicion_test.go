package progress

import (
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/headrace/headrace"
)

// shop simulates a group of one worker after another, of whom each may die. What a partition's next owner knows is its stored offset
// and metadata alone.
type shop struct {
	t          failer
	rand       *rand.Rand
	encoder    Encoder
	attempts   int
	deploys    int // kills still to come that are no event's doing
	outages    int // still to come
	rarely     int // one of so many steps is one
	partitions []*desk
	deaths     int

	owner  uint64          // the worker of the day
	last   uint64          // the last number that was drawn
	living map[uint64]bool // the others; false while they are cut off from the group
}

// desk is one partition: what is stored of it, and what the worker of the day knows.
type desk struct {
	log     Log
	events  []int64 // offsets in the log, with gaps
	end     int64
	killers map[int64]bool
	handled map[int64]bool // ever
	buried  map[int64]int  // dead letters, by the attempts they had

	offset   int64
	metadata string

	told      Note // what was stored when this owner began
	taken     Mark
	done      Done
	suspicion Suspicion
	mark      Mark
	limit     int64
	next      int   // index of the event to hand over next
	from      int64 // offset after the last one handed over
	hand      []int64
	turn      bool
}

func (s *shop) open() {
	for i, d := range s.partitions {
		d.log = Log{Topic: [16]byte{1}, Partition: int32(i)}
		n, err := Decode(d.log, d.offset, d.metadata)
		if err != nil {
			s.t.Fatalf("partition %d: own metadata %q: %v", i, d.metadata, err)
		}
		n.Cut(d.end)
		n.Spare(func(owner uint64) bool { return owner == s.owner || s.living[owner] })
		d.taken = n.Mark
		d.told = Note{Done: n.Done.Clone(), Mark: n.Mark}
		d.done, d.suspicion = n.Done, Suspect(&n)
		d.turn, d.hand, d.from = false, nil, d.offset
		d.next, _ = slices.BinarySearch(d.events, d.offset)
		d.mark = d.suspicion.Left(d.offset) // else the next death would count for those who had no turn
		s.commit(d)
	}
}

func (s *shop) commit(d *desk) {
	n := Note{Done: d.done, Mark: d.mark}
	if n.Mark.Working {
		n.Mark.Owner = s.owner
	}
	d.offset = d.done.Prefix()
	d.metadata, _ = s.encoder.Encode(d.log, &n, 4096)
	d.limit = d.mark.Limit()
}

// die forgets all that is not stored.
func (s *shop) die() {
	s.deaths++
	s.succeed()
}

// lose takes the partitions from a worker that lives on, and that the group may not see for a while.
func (s *shop) lose() {
	before := s.owner
	if s.rand.IntN(3) == 0 {
		s.open()
		return
	}
	s.living[before] = s.rand.IntN(2) == 0
	s.succeed()
}

// succeed gives the partitions to another worker: one that lost them before, or a new one.
func (s *shop) succeed() {
	s.last++
	s.owner = s.last
	for worker, seen := range s.living {
		if seen && s.rand.IntN(2) == 0 {
			s.owner = worker
		}
	}
	delete(s.living, s.owner)
	s.open()
}

// ask learns before an event is charged who lives. By then whoever lives is seen.
func (s *shop) ask(d *desk) {
	n := Note{Done: d.done, Mark: d.taken}
	n.Spare(func(owner uint64) bool {
		_, lives := s.living[owner]
		return lives || owner == s.owner
	})
	d.taken, d.suspicion = n.Mark, Suspect(&n)
}

// leave ends in order: what is in hand ends or is given back, and suspects stay suspects.
func (s *shop) leave() {
	for _, d := range s.partitions {
		next := d.done.End()
		if d.next < len(d.events) {
			next = d.events[d.next]
		}
		if len(d.hand) > 0 {
			next = slices.Min(d.hand)
		}
		d.mark = d.suspicion.Left(next)
		s.commit(d)
	}
	s.open()
}

// step does one thing at random. It reports false when nothing is left to do.
func (s *shop) step() bool {
	var busy []*desk
	for _, d := range s.partitions {
		if d.next < len(d.events) || len(d.hand) > 0 {
			busy = append(busy, d)
		}
	}
	if len(busy) == 0 {
		return false
	}
	for _, d := range busy {
		for _, o := range d.hand {
			if d.killers[o] && s.rand.IntN(3) == 0 {
				s.die()
				return true
			}
		}
	}
	d := busy[s.rand.IntN(len(busy))]
	switch n := s.rand.IntN(100); {
	case n < 50 && d.next < len(d.events):
		s.hand(d)
	case n < 90 && len(d.hand) > 0:
		at := s.rand.IntN(len(d.hand))
		if o := d.hand[at]; !d.killers[o] {
			d.hand = slices.Delete(d.hand, at, at+1)
			d.handled[o] = true
			d.done.Mark(o, o+1)
		}
	case n < 97:
		s.commit(d)
	case n == 97 && s.deploys > 0:
		s.deploys--
		s.die()
	case n == 98 && s.rand.IntN(10) == 0:
		s.leave()
	}
	if s.outages > 0 && s.rand.IntN(s.rarely) == 0 {
		s.outages--
		s.lose()
	}
	return true
}

// hand gives the next event to a handler, or does what must come before.
func (s *shop) hand(d *desk) {
	offset := d.events[d.next]
	switch {
	case d.done.Has(offset):
		d.next++
		return
	case offset < d.limit:
		s.take(d, offset)
		return
	case d.suspicion.Over(offset):
		if d.turn && len(d.hand) > 0 {
			return
		}
		d.turn = false
		d.mark = Mark{Working: true, From: d.done.Prefix(), Reach: offset + 1 + s.rand.Int64N(5000)}
	default:
		if len(d.hand) > 0 {
			return
		}
		d.turn = false
		if d.suspicion.Attempts(offset) > 0 {
			if s.ask(d); d.suspicion.Over(offset) {
				return
			}
		}
		turn := d.suspicion.Turn(&d.done, offset)
		for _, other := range s.partitions {
			if other.turn && (turn.Alone || other.mark.Alone) {
				return
			}
		}
		d.mark, d.turn = turn, true
	}
	s.commit(d)
}

func (s *shop) take(d *desk, offset int64) {
	if d.told.Done.Has(offset) {
		s.t.Fatalf("offset %d handled again, though metadata says that it is done", offset)
	}
	if d.mark.Alone && len(d.hand) > 0 {
		s.t.Fatalf("offset %d beside %v, though it is to be alone", offset, d.hand)
	}
	d.done.Mark(d.from, offset) // the gap before it
	d.from = offset + 1
	d.next++
	if attempts := d.suspicion.Attempts(offset); attempts >= s.attempts {
		if attempts > s.deaths {
			s.t.Fatalf("offset %d is said to have been in hand at %d deaths of %d", offset, attempts, s.deaths)
		}
		d.buried[offset] = attempts
		d.done.Mark(offset, offset+1)
		return
	}
	d.hand = append(d.hand, offset)
}

func newDesk(events []int64, killers ...int64) *desk {
	d := &desk{events: events, end: events[len(events)-1] + 1, killers: map[int64]bool{}, handled: map[int64]bool{}, buried: map[int64]int{}}
	for _, k := range killers {
		d.killers[k] = true
	}
	return d
}

func (s *shop) run(mostDeaths int) {
	s.last, s.owner, s.living = 1, 1, map[uint64]bool{}
	s.open()
	for s.step() {
		if s.deaths > mostDeaths {
			s.t.Fatalf("%d deaths", s.deaths)
		}
	}
	for i, d := range s.partitions {
		for _, o := range d.events {
			if _, buried := d.buried[o]; d.killers[o] != buried || d.killers[o] == d.handled[o] {
				s.t.Fatalf("partition %d offset %d: killer %t, handled %t, dead letter %t", i, o, d.killers[o], d.handled[o], buried)
			}
		}
		s.commit(d)
		if d.offset != d.end {
			s.t.Fatalf("partition %d: committed %d of %d", i, d.offset, d.end)
		}
	}
}

// TestKillersAreFoundAndNobodyElse simulates workers over partitions with events that kill them, in random orders of completion, with
// deploys that kill, outages that nobody dies of, and restarts in order in between: every other event is handled, none is skipped, none is repeated that metadata
// says is done, and each killer, and nothing else, ends as a dead letter.
func TestKillersAreFoundAndNobodyElse(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		s := &shop{t: t, rand: random, attempts: 5}
		for range rapid.IntRange(1, 4).Draw(t, "partitions") {
			var events []int64
			for o := range rapid.SampledFrom([]int64{3, 70, 700}).Draw(t, "events") {
				if random.IntN(4) > 0 || o == 0 {
					events = append(events, o)
				}
			}
			s.partitions = append(s.partitions, newDesk(events))
		}
		killers := rapid.IntRange(0, 2).Draw(t, "killers")
		for range killers {
			d := s.partitions[random.IntN(len(s.partitions))]
			d.killers[d.events[random.IntN(len(d.events))]] = true
		}
		s.deploys = rapid.IntRange(0, 2-killers).Draw(t, "deploys")
		s.outages = rapid.SampledFrom([]int{0, 3, 30}).Draw(t, "outages")
		s.rarely = rapid.SampledFrom([]int{100, 20}).Draw(t, "rarely")
		s.run(30 + s.outages)
	})
}

// TestNoNumberOfOutagesIsADeath has nobody die.
func TestNoNumberOfOutagesIsADeath(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		s := &shop{t: t, rand: random, attempts: 1, outages: 200, rarely: 3}
		for range rapid.IntRange(1, 3).Draw(t, "partitions") {
			s.partitions = append(s.partitions, newDesk([]int64{0, 1, 2, 5, 9, 10, 11, 12}))
		}
		s.run(0)
	})
}

// TestDeathsUntilAKillerIsFound holds how many processes one event takes with it.
func TestDeathsUntilAKillerIsFound(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name                     string
		suspects, attempts, want int
	}{
		{"the event alone", 1, 5, 5},
		{"some lanes", 64, 5, 5},
		{"the first reach", firstAhead, 5, 5},
		{"the widest reach", mostAhead, 5, 5},
		{"few attempts, some lanes", 64, 1, 3},
		{"few attempts, the first reach", firstAhead, 3, 3},
		{"few attempts, the widest reach", mostAhead, 3, 4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			killer := int64(tc.suspects) * 2 / 3
			n := note(0, Mark{Working: true, Reach: int64(tc.suspects)})
			for deaths := 1; ; deaths++ {
				s := Suspect(n)
				if s.Attempts(killer) >= tc.attempts {
					if deaths != tc.want {
						t.Errorf("found after %d deaths, want %d", deaths, tc.want)
					}
					return
				}
				turns, mark := 0, Mark{}
				for at := int64(0); at <= killer; at = mark.Reach {
					at = max(at, s.Begins())
					mark = s.Turn(&n.Done, at)
					turns++
				}
				if turns > 64 {
					t.Errorf("%d turns after death %d", turns, deaths)
				}
				n = note(0, mark)
				n.Done.Mark(0, mark.From)
				if deaths > 10 {
					t.Fatalf("not found: %+v", mark)
				}
			}
		})
	}
}

func TestNothingIsSuspectedAfterAnOrderlyEnd(t *testing.T) {
	t.Parallel()
	for name, n := range map[string]*Note{
		"nothing":                         note(100, Mark{}),
		"all in hand is done":             note(100, Mark{Working: true, From: 90, Reach: 100}),
		"all in hand is done, beyond":     note(100, Mark{Working: true, From: 101, Reach: 110}, headrace.OffsetRange{From: 101, To: 110}),
		"left with no deaths":             note(100, Mark{From: 100, Reach: 110}),
		"alone, and done":                 note(100, Mark{Working: true, Alone: true, From: 99, Reach: 100, Deaths: 4}),
		"working, and nothing was handed": note(100, Mark{Working: true, From: 100, Reach: 100}),
	} {
		if s := Suspect(n); s != (Suspicion{}) || !s.Over(100) || s.Left(100) != (Mark{}) || s.Attempts(100) != 0 {
			t.Errorf("%s: suspects %+v", name, s)
		}
	}
}

// TestAnOrderlyEndIsNoDeath holds that a restart in order, however often, counts nothing and forgets nothing.
func TestAnOrderlyEndIsNoDeath(t *testing.T) {
	t.Parallel()
	n := note(100, Mark{Working: true, Alone: true, From: 100, Reach: 101, Deaths: 2})
	for range 10 {
		s := Suspect(n)
		if s.Deaths() != 3 || s.Attempts(100) != 3 {
			t.Fatalf("deaths %d, attempts %d, want 3", s.Deaths(), s.Attempts(100))
		}
		n.Mark = s.Left(100)
	}
	if s := Suspect(n); s.Died() {
		t.Error("the last end counts as a death")
	}
}

func TestPaceFollowsTheRate(t *testing.T) {
	t.Parallel()
	var p Pace
	if p.Ahead() != firstAhead {
		t.Errorf("begins %d ahead", p.Ahead())
	}
	p.Interval(0)
	for _, tc := range []struct{ next, ahead int64 }{
		{0, firstAhead}, // nothing yet
		{10_000, 30_000},
		{10_010, leastAhead},
		{10_010, leastAhead}, // standing still changes nothing
		{1_000_000, mostAhead},
	} {
		if p.Interval(tc.next); p.Ahead() != tc.ahead {
			t.Errorf("at %d: %d ahead, want %d", tc.next, p.Ahead(), tc.ahead)
		}
	}
	p = Pace{}
	if p.Early(); p.Ahead() != 4*firstAhead {
		t.Errorf("%d ahead after an early commit", p.Ahead())
	}
	if low := p.Low(100_000); low >= 100_000 || low < 90_000 {
		t.Errorf("low at %d", low)
	}
}
