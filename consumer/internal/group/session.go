package group

import "time"

// session is how long a member may believe that it is one, without another word from the coordinator. It is pure.
//
// The coordinator's clocks start when it receives a request. A member knows when it sent one, which is earlier, and that it was
// received once it is answered. So the member counts from when it sent the last request that was answered: its clock ends before the
// coordinator's.
//
// Two of the coordinator's clocks can give a member's partitions away. The session timeout runs whenever no heartbeat comes. The
// rebalance timeout runs while a rebalance is open: whoever has not joined when it is over is left out of the next generation, also
// when its session is longer. A static member stays in the group then, but its partitions may be given away all the same. The rebalance
// timeout then runs once more, for those who joined to fetch their assignment.
type session struct {
	timeout   time.Duration // the session timeout
	rebalance time.Duration // the rebalance timeout

	alive   time.Time // when the last request was sent whose answer shows that this member is one; zero without membership
	calm    time.Time // the same, of an answer which shows that no rebalance waited for this member
	queued  time.Time // when the join was sent that waits at the coordinator; zero without one, or when it may not have arrived
	syncing bool      // joined, and the assignment is still to be fetched
}

// margin is what handlers get to return before another member can begin.
func margin(timeout time.Duration) time.Duration { return min(timeout/10, time.Second) }

// end is when the partitions have to be considered lost, zero without membership.
func (s *session) end() time.Time {
	if s.alive.IsZero() {
		return time.Time{}
	}
	expires := s.alive.Add(s.timeout - margin(s.timeout))
	if leftOut := s.calm.Add(s.rebalance - margin(s.rebalance)); leftOut.Before(expires) {
		return leftOut
	}
	return expires
}

// heard takes the answer to a heartbeat that was sent at some time.
func (s *session) heard(sent time.Time, rebalancing bool) {
	s.alive = latest(s.alive, sent)
	waits := s.syncing
	if rebalancing { // for others, if the join has arrived
		waits = s.queued.IsZero() || !sent.After(s.queued)
	}
	if !waits {
		s.calm = latest(s.calm, sent)
	}
}

// join notes that a join is being sent.
func (s *session) join(sent time.Time) {
	s.syncing = false
	if s.queued.IsZero() {
		s.queued = sent
	}
}

// doubt notes that the join may not have arrived, or not where the group is by now.
func (s *session) doubt() { s.queued = time.Time{} }

// joined takes the answer to a join that was sent no earlier than at some time. The rebalance was completed after that, and after the last
// heartbeat that found it open.
func (s *session) joined(sent time.Time) {
	s.alive = latest(s.alive, sent)
	s.calm = s.alive
	s.queued, s.syncing = time.Time{}, true
}

// assigned takes the answer to the request for the assignment.
func (s *session) assigned(sent time.Time) {
	s.syncing = false
	s.heard(sent, false)
}

// over forgets all, with the membership.
func (s *session) over() {
	*s = session{timeout: s.timeout, rebalance: s.rebalance}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
