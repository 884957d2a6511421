package assign

import (
	"cmp"
	"maps"
	"slices"
)

// Sticky divides partitions so that the members' loads differ by no more than their subscriptions force them to, and so that, within
// that, members keep what they own. counts has the number of partitions of each topic; topics that are missing in it get nothing.
// The result depends on nothing but the arguments and lists each member's partitions in order, members without any as well.
func Sticky(members []Member, counts map[string]int32) map[string][]Partition {
	b := newBoard(members, counts)
	b.keepOwned()
	b.spreadRest()
	b.level()
	plan := make(map[string][]Partition, len(members))
	for i, m := range b.members {
		plan[m.ID] = slices.SortedFunc(slices.Values(b.held[i].all()), Partition.Compare)
	}
	return plan
}

// Cooperative is Sticky for one round of cooperative rebalancing: a partition that goes from one member to another is left out, so
// that its owner gives it up first; the owner then joins again, and the next round assigns it. No partition has two owners on the
// way.
func Cooperative(members []Member, counts map[string]int32) map[string][]Partition {
	plan := Sticky(members, counts)
	claims := claimsOf(members)
	for id, partitions := range plan {
		plan[id] = slices.DeleteFunc(partitions, func(p Partition) bool {
			return slices.ContainsFunc(claims[p].owners, func(owner string) bool { return owner != id })
		})
	}
	return plan
}

// claim is who says to own a partition. A claim of an older generation than another's is void; a member whose claim is the newest is
// the owner even when its generation is old, because nobody was given the partition since. Two equal claims are a conflict, of which
// neither side may go on.
type claim struct {
	generation int32
	owners     []string
}

func claimsOf(members []Member) map[Partition]claim {
	claims := make(map[Partition]claim)
	for _, m := range members {
		for _, p := range m.Owned {
			c, claimed := claims[p]
			switch {
			case !claimed || m.Generation > c.generation:
				claims[p] = claim{m.Generation, []string{m.ID}}
			case m.Generation == c.generation && !slices.Contains(c.owners, m.ID):
				c.owners = append(c.owners, m.ID)
				claims[p] = c
			}
		}
	}
	return claims
}

// board is an assignment in the making. Members are numbered in an order that survives restarts of static ones.
type board struct {
	members     []Member
	subscribers map[string][]int // member numbers by topic
	partitions  []Partition      // all that have a subscriber, in order
	held        []hand           // by member number
}

// hand is what one member holds. Of each topic, what it owned before comes first, so that it gives away the last ones first.
type hand struct {
	topics map[string][]Partition
	load   int
}

func (h *hand) put(p Partition) {
	if h.topics == nil {
		h.topics = make(map[string][]Partition)
	}
	h.topics[p.Topic] = append(h.topics[p.Topic], p)
	h.load++
}

func (h *hand) take(topic string) Partition {
	of := h.topics[topic]
	last := of[len(of)-1]
	if h.topics[topic] = of[:len(of)-1]; len(of) == 1 {
		delete(h.topics, topic)
	}
	h.load--
	return last
}

func (h *hand) all() []Partition {
	all := make([]Partition, 0, h.load)
	for _, of := range h.topics {
		all = append(all, of...)
	}
	return all
}

func newBoard(members []Member, counts map[string]int32) *board {
	b := &board{
		members:     slices.Clone(members),
		subscribers: make(map[string][]int),
		held:        make([]hand, len(members)),
	}
	slices.SortStableFunc(b.members, func(x, y Member) int {
		return cmp.Or(cmp.Compare(cmp.Or(x.InstanceID, x.ID), cmp.Or(y.InstanceID, y.ID)), cmp.Compare(x.ID, y.ID))
	})
	for i, m := range b.members {
		for _, topic := range m.Topics {
			if of := b.subscribers[topic]; len(of) == 0 || of[len(of)-1] != i {
				b.subscribers[topic] = append(of, i)
			}
		}
	}
	for topic := range b.subscribers {
		for id := range counts[topic] {
			b.partitions = append(b.partitions, Partition{topic, id})
		}
	}
	slices.SortFunc(b.partitions, Partition.Compare)
	return b
}

// keepOwned gives each partition to its one owner, when that still subscribes to it.
func (b *board) keepOwned() {
	number := make(map[string]int, len(b.members))
	for i, m := range b.members {
		number[m.ID] = i
	}
	claims := claimsOf(b.members)
	b.partitions = slices.DeleteFunc(b.partitions, func(p Partition) bool {
		c := claims[p]
		if len(c.owners) != 1 {
			return false
		}
		owner := number[c.owners[0]]
		if !slices.Contains(b.subscribers[p.Topic], owner) {
			return false
		}
		b.held[owner].put(p)
		return true
	})
}

// spreadRest gives each partition that is left to the subscriber with the smallest load.
func (b *board) spreadRest() {
	for _, p := range b.partitions {
		to := slices.MinFunc(b.subscribers[p.Topic], func(x, y int) int { return cmp.Compare(b.held[x].load, b.held[y].load) })
		b.held[to].put(p)
	}
}

// level moves partitions from loaded members to those with at least two fewer, over others in between where the subscriptions ask
// for it, until no such way is left. Each move makes the sum of the squared loads smaller, so it ends.
func (b *board) level() {
	order := make([]int, len(b.members))
	for i := range order {
		order[i] = i
	}
	for moved := true; moved; {
		moved = false
		slices.SortStableFunc(order, func(x, y int) int { return cmp.Compare(b.held[y].load, b.held[x].load) })
		if len(order) == 0 || b.held[order[0]].load-b.held[order[len(order)-1]].load < 2 {
			return
		}
		for _, from := range order {
			if way := b.lighter(from); way != nil {
				for _, step := range way { // from the far end, so that nobody passes on what it was just given
					b.held[step.to].put(b.held[step.from].take(step.topic))
				}
				moved = true
				break
			}
		}
	}
}

type step struct {
	from, to int
	topic    string
}

// lighter finds the shortest way from a member to one with at least two partitions fewer, far end first.
func (b *board) lighter(from int) []step {
	reached := make(map[int]step, len(b.members))
	seenTopics := make(map[string]bool)
	for frontier := []int{from}; len(frontier) > 0; {
		var next []int
		best := -1
		for _, at := range frontier {
			for _, topic := range slices.Sorted(maps.Keys(b.held[at].topics)) {
				if seenTopics[topic] {
					continue // whoever subscribes to it has been reached
				}
				seenTopics[topic] = true
				for _, to := range b.subscribers[topic] {
					if _, seen := reached[to]; seen || to == from {
						continue
					}
					reached[to] = step{at, to, topic}
					next = append(next, to)
					if b.held[to].load <= b.held[from].load-2 && (best < 0 || b.held[to].load < b.held[best].load) {
						best = to
					}
				}
			}
		}
		if best >= 0 {
			var way []step
			for at := best; at != from; at = reached[at].from {
				way = append(way, reached[at])
			}
			return way
		}
		frontier = next
	}
	return nil
}

// Complete reports whether each partition of a topic that a member subscribes to is owned by one member, which subscribes to it.
func Complete(members []Member, counts map[string]int32) bool {
	owned := make(map[Partition]bool)
	subscribed := make(map[string]bool)
	for _, m := range members {
		for _, topic := range m.Topics {
			subscribed[topic] = true
		}
		for _, p := range m.Owned {
			if owned[p] || !slices.Contains(m.Topics, p.Topic) {
				return false
			}
			owned[p] = true
		}
	}
	for topic := range subscribed {
		for id := range counts[topic] {
			if !owned[Partition{topic, id}] {
				return false
			}
		}
	}
	return true
}
