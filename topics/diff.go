package topics

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/headrace/headrace/internal/project"
)

// Options are what a plan may do that is dangerous, by name. The zero value allows nothing of the kind.
type Options struct {
	// AllowDelete names topics to delete. They must not be wanted.
	AllowDelete []string
	// AllowPartitions names keyed topics that may get more partitions, although their keys then go to other partitions.
	AllowPartitions []string
}

// Diff returns what has to change in the world so that it has what is wanted. It is a pure function: everything it says follows from
// its arguments, and the order of its changes from nothing else.
func Diff(wanted *Wanted, world *World, opts Options) Plan {
	d := &difference{
		wanted: wanted, world: world, opts: opts, load: loadOf(world),
		plan: Plan{Format: PlanFormat, ClusterID: world.ClusterID, Changes: []Change{}},
	}
	for _, s := range wanted.Subjects {
		d.subject(s)
	}
	for _, t := range d.inOrder() {
		if live, ok := world.topic(t.Name); ok {
			d.change(t, live)
		} else {
			d.create(t)
		}
	}
	d.acls()
	d.deletions()
	d.unmanaged()
	slices.SortStableFunc(d.plan.Changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.Subject, b.Subject))
	})
	return d.plan
}

// difference is one comparison.
type difference struct {
	wanted *Wanted
	world  *World
	opts   Options
	load   load
	plan   Plan
}

func (d *difference) add(c Change) { d.plan.Changes = append(d.plan.Changes, c) }

func (d *difference) problem(t WantedTopic, format string, args ...any) {
	d.plan.Problems = append(d.plan.Problems, Problem{Topic: t.Name, At: t.At, Message: fmt.Sprintf(format, args...)})
}

// has reports whether a topic is there, or will be.
func (d *difference) has(name string) bool {
	_, live := d.world.topic(name)
	return live || slices.ContainsFunc(d.wanted.Topics, func(t WantedTopic) bool { return t.Name == name })
}

// inOrder returns the topics with those that serve another one first: what goes to a dead-letter topic must fit there before larger
// events can come.
func (d *difference) inOrder() []WantedTopic {
	all := slices.Clone(d.wanted.Topics)
	slices.SortStableFunc(all, func(a, b WantedTopic) int {
		return cmp.Or(compareBools(a.Source == "", b.Source == ""), cmp.Compare(a.Name, b.Name))
	})
	return all
}

// rank is a change's place in the order of application.
func (c Change) rank() int {
	switch c.Kind {
	case SetCompatibility, RegisterSchema: // of one subject in the order they were found
		return 0
	case CreateTopic:
		return 1
	case SetConfig:
		if c.tightens() {
			return 5
		}
		return 2
	case SetReplicas:
		return 3
	case AddPartitions: // after the replicas, of which new partitions get as many
		return 4
	case CreateACL:
		return 6
	default:
		return 7
	}
}

// tightens reports that a setting asks for more than before, or keeps less: it waits until everything else is as it needs it.
func (c Change) tightens() bool {
	old, err1 := strconv.ParseInt(c.Old, 10, 64)
	now, err2 := strconv.ParseInt(c.New, 10, 64)
	switch c.Setting {
	case "min.insync.replicas":
		return err1 != nil || err2 != nil || now > old
	case "retention.ms", "retention.bytes":
		return lessRetention(c.Old, c.New)
	case maxMessageBytes:
		return err1 == nil && err2 == nil && now < old
	case "cleanup.policy":
		return true
	}
	return false
}

func (d *difference) create(t WantedTopic) {
	if t.Source != "" && !d.has(t.Source) {
		d.problem(t, "topic %s, which it serves, is somebody else's and is not there", t.Source)
		return
	}
	if t.Replication > len(d.world.Brokers) {
		d.problem(t, "%d replicas, and the cluster has %s: lower replication, or add brokers", t.Replication, plural(len(d.world.Brokers), "broker", "brokers"))
		return
	}
	for _, live := range d.world.Topics {
		if metricName(live.Name) == metricName(t.Name) {
			d.problem(t, "Kafka takes it for topic %s, which exists, because its metrics write both %s: choose another name", live.Name, metricName(t.Name))
			return
		}
	}
	c := Change{Kind: CreateTopic, Topic: t.Name, Partitions: t.Partitions, Replication: t.Replication, Configs: d.configs(t), At: t.At}
	if source, ok := d.world.topic(t.Source); ok && t.Source != "" {
		c.Partitions = max(t.Partitions, len(source.Partitions)) // an event keeps its partition's number
	}
	d.add(c)
}

func (d *difference) change(t WantedTopic, live *LiveTopic) {
	d.partitions(t, live)
	d.replicas(t, live)
	for _, c := range d.configs(t) {
		d.config(t, live, c)
	}
}

func (d *difference) partitions(t WantedTopic, live *LiveTopic) {
	now, want := len(live.Partitions), t.Partitions
	if source, ok := d.world.topic(t.Source); ok && t.Source != "" {
		want = max(want, len(source.Partitions))
	}
	switch {
	case want == 0 || want == now || t.Source != "" && want < now:
		return
	case want < now:
		d.problem(t, "%d partitions are wanted and it has %d: Kafka cannot take partitions away; keep %d, or create another topic and replay into it",
			want, now, now)
		return
	}
	c := Change{Kind: AddPartitions, Topic: t.Name, TopicID: live.ID, Old: strconv.Itoa(now), Partitions: want, At: t.At}
	if t.Source == "" && !t.Unkeyed {
		c.Risks = []string{movedKeys(now, want, live.Usage)}
		if !slices.Contains(d.opts.AllowPartitions, t.Name) {
			c.Needs = "--allow-partitions " + t.Name
		}
	}
	d.add(c)
}

// configs are the settings that are wanted of a topic, with the room that one which serves another needs.
func (d *difference) configs(t WantedTopic) []Config {
	if t.Source == "" {
		return t.Configs
	}
	need := d.world.MaxMessageBytes
	if source, ok := d.world.topic(t.Source); ok {
		if n, err := strconv.ParseInt(source.Settings[maxMessageBytes], 10, 64); err == nil {
			need = n
		}
	}
	for _, wanted := range d.wanted.Topics {
		if n, err := strconv.ParseInt(configOf(wanted.Configs, maxMessageBytes), 10, 64); err == nil && wanted.Name == t.Source {
			need = n
		}
	}
	need = min(need+Headroom, 1<<31-1)
	if n, err := strconv.ParseInt(configOf(t.Configs, maxMessageBytes), 10, 64); err == nil && n > need {
		need = n
	}
	if live, ok := d.world.topic(t.Name); ok {
		if n, err := strconv.ParseInt(live.Settings[maxMessageBytes], 10, 64); err == nil && n > need {
			need = n // it takes larger ones already
		}
	}
	configs := slices.DeleteFunc(slices.Clone(t.Configs), func(c Config) bool { return c.Name == maxMessageBytes })
	configs = append(configs, Config{Name: maxMessageBytes, Value: strconv.FormatInt(need, 10)})
	slices.SortFunc(configs, func(a, b Config) int { return cmp.Compare(a.Name, b.Name) })
	return configs
}

func (d *difference) config(t WantedTopic, live *LiveTopic, c Config) {
	now, known := live.Settings[c.Name]
	if known && sameValue(c.Name, now, c.Value) {
		return
	}
	d.add(Change{
		Kind: SetConfig, Topic: t.Name, TopicID: live.ID, Setting: c.Name, Old: now, New: c.Value, At: t.At,
		Risks: settingRisks(c.Name, now, c.Value, live.Usage),
	})
}

func (d *difference) deletions() {
	for _, name := range slices.Compact(slices.Sorted(slices.Values(d.opts.AllowDelete))) {
		if at := slices.IndexFunc(d.wanted.Topics, func(t WantedTopic) bool { return t.Name == name }); at >= 0 {
			d.problem(d.wanted.Topics[at], "it is to be deleted and is wanted all the same: take it out of the file first")
			continue
		}
		if live, ok := d.world.topic(name); ok {
			d.add(Change{Kind: DeleteTopic, Topic: name, TopicID: live.ID, Risks: []string{lostWith(live.Usage)}})
		}
	}
}

func (d *difference) unmanaged() {
	for i := range d.world.Topics {
		live := &d.world.Topics[i]
		at := slices.IndexFunc(d.wanted.Topics, func(t WantedTopic) bool { return t.Name == live.Name })
		if at < 0 {
			external := slices.ContainsFunc(d.wanted.Topics, func(t WantedTopic) bool { return t.Source == live.Name })
			if !live.Internal && !external && !slices.Contains(d.opts.AllowDelete, live.Name) {
				d.plan.Unmanaged = append(d.plan.Unmanaged, Unmanaged{Topic: live.Name})
			}
			continue
		}
		named := d.configs(d.wanted.Topics[at])
		for _, c := range live.Configs {
			if !slices.ContainsFunc(named, func(n Config) bool { return n.Name == c.Name }) {
				d.plan.Unmanaged = append(d.plan.Unmanaged, Unmanaged{Topic: live.Name, Setting: c.Name, Value: c.Value})
			}
		}
	}
}

// sameValue compares two values of a setting as Kafka understands them.
func sameValue(name, a, b string) bool {
	return a == b || project.IsList(name) && sameList(a, b) || project.IsRatio(name) && sameNumber(a, b)
}

// sameNumber reports whether two texts are one number: Kafka answers with Java's text of a double, 0.5 for 0.50 and 1.0E-4 for 0.0001.
func sameNumber(a, b string) bool {
	x, err1 := strconv.ParseFloat(a, 64)
	y, err2 := strconv.ParseFloat(b, 64)
	return err1 == nil && err2 == nil && x == y
}
