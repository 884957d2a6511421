package progress

// Bounds of how far a mark's reach is ahead of what is handed over.
const (
	firstAhead = 1 << 12
	leastAhead = 1 << 9
	mostAhead  = 1 << 18
)

// Pace sets how far ahead of the events handed over a mark's reach is: far enough that handlers do not wait for a commit, and not so
// far that a death makes suspects of many. It follows the rate of the partition. The zero Pace is ready; it is not safe for concurrent
// use.
type Pace struct {
	ahead int64
	last  int64
	begun bool
}

// Ahead is the distance from the next event to the reach.
func (p *Pace) Ahead() int64 {
	if p.ahead == 0 {
		return firstAhead
	}
	return p.ahead
}

// Interval tells the pace where the partition is at a regular commit: three intervals' worth is set aside, so that one commit may be
// late without anybody waiting for it. A partition that stands still keeps what it has, so that nothing is to be committed.
func (p *Pace) Interval(next int64) {
	if p.begun && next > p.last {
		p.ahead = min(max(3*(next-p.last), leastAhead), mostAhead)
	}
	p.begun, p.last = true, next
}

// Early tells the pace that a commit was needed before its time.
func (p *Pace) Early() { p.ahead = min(4*p.Ahead(), mostAhead) }

// Low is the offset at which the next commit is needed, where events below reach may be handed over: two thirds of the way.
func (p *Pace) Low(reach int64) int64 { return reach - p.Ahead()/3 }
