package topics

import (
	"cmp"
	"slices"
	"strconv"
)

// load counts the replicas that each broker has.
type load map[int32]int

func loadOf(world *World) load {
	counts := load{}
	for _, n := range world.Brokers {
		counts[n.ID] = 0
	}
	for i := range world.Topics {
		for _, p := range world.Topics[i].Partitions {
			for _, id := range world.Topics[i].replicas(p) {
				counts[id]++
			}
		}
	}
	return counts
}

func (d *difference) replicas(t WantedTopic, live *LiveTopic) {
	if t.Replication == 0 {
		return
	}
	var moves []Move
	least, most := 1<<30, 0
	for _, p := range live.Partitions {
		now := live.replicas(p)
		least, most = min(least, len(now)), max(most, len(now))
		if len(now) != t.Replication {
			moves = append(moves, Move{Partition: p.ID, Old: now})
		}
	}
	if len(moves) == 0 {
		return
	}
	if t.Replication > len(d.world.Brokers) {
		d.problem(t, "%d replicas, and the cluster has %s: lower replication, or add brokers", t.Replication, plural(len(d.world.Brokers), "broker", "brokers"))
		return
	}
	if len(live.Goals) > 0 {
		d.problem(t, "%s being moved at the moment: wait for that to end, or let the plan that began it go on",
			plural(len(live.Goals), "partition is", "partitions are"))
		return
	}
	for i := range moves {
		moves[i].New = d.place(moves[i].Old, t.Replication)
	}
	old := strconv.Itoa(least)
	if least != most {
		old += " to " + strconv.Itoa(most)
	}
	c := Change{
		Kind: SetReplicas, Topic: t.Name, TopicID: live.ID, Old: old, Replication: t.Replication, Moves: moves, At: t.At,
	}
	if most > t.Replication {
		c.Risks = append(c.Risks, "an acknowledged event is on fewer brokers, and lost when they are")
	}
	if least < t.Replication {
		c.Risks = append(c.Risks, "the brokers copy the topic's events, at most as fast as the throttle allows")
	}
	d.add(c)
}

// place grows or shrinks a partition's replicas to a number. The preferred leader stays; new ones go to racks that have none yet,
// then to the brokers with the fewest, and the ones that go leave the brokers with the most. Brokers that are gone leave first.
func (d *difference) place(now []int32, wanted int) []int32 {
	replicas := slices.DeleteFunc(slices.Clone(now), func(id int32) bool {
		return !slices.ContainsFunc(d.world.Brokers, func(n Node) bool { return n.ID == id })
	})
	for _, id := range now {
		d.load[id]--
	}
	for len(replicas) > max(wanted, 1) {
		leaves := slices.MaxFunc(replicas[1:], func(a, b int32) int {
			return cmp.Or(cmp.Compare(d.load[a], d.load[b]), cmp.Compare(a, b))
		})
		replicas = slices.DeleteFunc(replicas, func(id int32) bool { return id == leaves })
	}
	for len(replicas) < wanted {
		free := slices.DeleteFunc(slices.Clone(d.world.Brokers), func(n Node) bool { return slices.Contains(replicas, n.ID) })
		if len(free) == 0 {
			break
		}
		next := slices.MinFunc(free, func(a, b Node) int {
			return cmp.Or(cmp.Compare(d.inRack(replicas, a.Rack), d.inRack(replicas, b.Rack)),
				cmp.Compare(d.load[a.ID], d.load[b.ID]), cmp.Compare(a.ID, b.ID))
		})
		replicas = append(replicas, next.ID)
	}
	for _, id := range replicas {
		d.load[id]++
	}
	return replicas
}

// inRack counts the replicas in a rack.
func (d *difference) inRack(replicas []int32, rack string) int {
	count := 0
	for _, n := range d.world.Brokers {
		if n.Rack == rack && rack != "" && slices.Contains(replicas, n.ID) {
			count++
		}
	}
	return count
}
