package schema

import (
	"container/heap"
	"math"
)

const (
	// endless is the weight of what has no finite value. Sums of a few of it do not overflow.
	endless = math.MaxInt / 8
	// scalarWeight is what a value without parts counts for, about the bytes of a short text.
	scalarWeight = 32
)

// weights say how much the smallest value of a record or union weighs: its bytes and parts, about.
type weights map[*node]int

func (w weights) of(n *node) int {
	switch n.kind {
	case kindRecord, kindUnion:
		if weight, ok := w[n]; ok {
			return weight
		}
		return endless
	case kindFixed:
		return max(n.size, scalarWeight)
	default:
		return scalarWeight
	}
}

// leastWeights finds the smallest values of all types that are reached from a root. A record weighs as much as its fields together, a
// union as its lightest branch. The lightest types are settled first, so that each is looked at once, also where they contain
// themselves; what is never settled has no finite value.
func leastWeights(root *node) weights {
	w := weights{}
	users := map[*node][]*node{}
	open := map[*node]int{} // fields of a record whose weight is not known yet
	sums := map[*node]int{}
	var queue lightest
	use := func(n *node, part *node) {
		if part.kind == kindRecord || part.kind == kindUnion {
			users[part] = append(users[part], n)
			open[n]++
			return
		}
		sums[n] = min(endless, sums[n]+w.of(part))
	}
	seen := map[*node]bool{root: true}
	todo := []*node{root}
	visit := func(n *node) {
		if !seen[n] {
			seen[n] = true
			todo = append(todo, n)
		}
	}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		switch n.kind {
		case kindRecord:
			sums[n] = 1
			for i := range n.fields {
				use(n, n.fields[i].typ)
				visit(n.fields[i].typ)
			}
			if open[n] == 0 {
				heap.Push(&queue, weighed{n, sums[n]})
			}
		case kindUnion:
			for _, branch := range n.branches {
				if branch.kind == kindRecord {
					users[branch] = append(users[branch], n)
				} else {
					heap.Push(&queue, weighed{n, 1 + w.of(branch)})
				}
				visit(branch)
			}
		case kindArray, kindMap:
			visit(n.items)
		}
	}
	for len(queue) > 0 {
		next := heap.Pop(&queue).(weighed)
		if _, settled := w[next.node]; settled {
			continue
		}
		w[next.node] = next.weight
		for _, user := range users[next.node] {
			if user.kind == kindUnion {
				heap.Push(&queue, weighed{user, min(endless, next.weight+1)})
				continue
			}
			sums[user] = min(endless, sums[user]+next.weight)
			if open[user]--; open[user] == 0 {
				heap.Push(&queue, weighed{user, sums[user]})
			}
		}
	}
	return w
}

type weighed struct {
	node   *node
	weight int
}

// lightest is a heap of types by weight.
type lightest []weighed

func (h lightest) Len() int           { return len(h) }
func (h lightest) Less(i, j int) bool { return h[i].weight < h[j].weight }
func (h lightest) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *lightest) Push(x any)        { *h = append(*h, x.(weighed)) }

func (h *lightest) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
