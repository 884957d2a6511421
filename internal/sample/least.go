package sample

import (
	"container/heap"
	"math"

	"github.com/headrace/headrace/schema"
)

const (
	// endless is the weight of what has no finite value. Sums of a few of it do not overflow.
	endless = math.MaxInt / 8
	// scalarWeight is what a value without parts counts for, about the bytes of a short text.
	scalarWeight = 32
)

// weights say how much the smallest value of a record or union weighs: its bytes and parts, about.
type weights map[*schema.Type]int

func (w weights) of(t *schema.Type) int {
	switch t.Is {
	case "record", "union":
		if weight, ok := w[t]; ok {
			return weight
		}
		return endless
	case "fixed":
		return max(t.Size, scalarWeight)
	default:
		return scalarWeight
	}
}

// leastWeights finds the smallest values of all types that are reached from a root. A record weighs as much as its fields together, a
// union as its lightest branch. The lightest types are settled first, so that each is looked at once, also where they contain
// themselves; what is never settled has no finite value.
func leastWeights(root *schema.Type) weights {
	w := weights{}
	users := map[*schema.Type][]*schema.Type{}
	open := map[*schema.Type]int{} // fields of a record whose weight is not known yet
	sums := map[*schema.Type]int{}
	var queue lightest
	use := func(t *schema.Type, part *schema.Type) {
		if part.Is == "record" || part.Is == "union" {
			users[part] = append(users[part], t)
			open[t]++
			return
		}
		sums[t] = min(endless, sums[t]+w.of(part))
	}
	seen := map[*schema.Type]bool{root: true}
	todo := []*schema.Type{root}
	visit := func(t *schema.Type) {
		if !seen[t] {
			seen[t] = true
			todo = append(todo, t)
		}
	}
	for len(todo) > 0 {
		t := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		switch t.Is {
		case "record":
			sums[t] = 1
			for i := range t.Fields {
				use(t, t.Fields[i].Type)
				visit(t.Fields[i].Type)
			}
			if open[t] == 0 {
				heap.Push(&queue, weighed{t, sums[t]})
			}
		case "union":
			for _, branch := range t.Branches {
				if branch.Is == "record" {
					users[branch] = append(users[branch], t)
				} else {
					heap.Push(&queue, weighed{t, 1 + w.of(branch)})
				}
				visit(branch)
			}
		case "array", "map":
			visit(t.Items)
		}
	}
	for len(queue) > 0 {
		next := heap.Pop(&queue).(weighed)
		if _, settled := w[next.typ]; settled {
			continue
		}
		w[next.typ] = next.weight
		for _, user := range users[next.typ] {
			if user.Is == "union" {
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
	typ    *schema.Type
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
