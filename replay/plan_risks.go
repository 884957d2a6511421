package replay

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/phrase"
)

// addRisks puts into words what a person should know before applying.
func (m *planner) addRisks() {
	p, n := m.plan, m.plan.Counts
	if m.scanned.total == 0 {
		m.risk("nothing lies in the range: the replay does nothing")
	} else if n.Events == 0 {
		m.risk("none of the %s in the range passes the filter: the replay does nothing", phrase.Count(n.Scanned, "event"))
	}
	m.addTypeRisks()
	var gone, places int64
	for _, s := range p.Spans {
		if gone += s.Gone; s.Gone > 0 {
			places++
		}
	}
	if gone > 0 {
		m.risk("gone from retention of what was asked for: %s in %s", phrase.Count(gone, "offset"), phrase.Count(places, "partition"))
	}
	m.addUndecidedRisks()
	m.addOrderRisks()
	if n.Foreign > 0 && (p.Filter.IsZero() || !m.match.NeedsSchema()) {
		m.risk("not in a schema registry's wire format, and replayed as they are: %s", phrase.Count(n.Foreign, "value"))
	} else if n.Foreign > 0 {
		m.risk("not in a schema registry's wire format, so that the filter drops those it would have to read: %s", phrase.Count(n.Foreign, "value"))
	}
	if m.scanned.overflow > 0 {
		m.risk("of further schemas, which were not looked at: %s", phrase.Count(m.scanned.overflow, "event"))
	}
	for _, w := range p.Writers {
		if len(w.Problems) > 0 {
			m.risk("the target cannot read %s of %s: %s", phrase.Count(w.Events, "event"), w.Ref, w.Problems[0])
		}
	}
	if m.Registry == nil && len(p.Writers) > 0 && p.Target.Topic != "" {
		m.risk("the plan was made without a schema registry: whether the target can read the events is not known")
	}
	if len(p.Consumers) > 0 {
		m.risk("the events will be seen by %s, which reads topic %s", strings.Join(p.Consumers, ", "), p.Target.Topic)
	}
	if p.Target.Rewind != "" {
		m.addRewindRisks()
	}
	p.Risks = m.risks
}

// maxTypes bounds the types that a risk lists.
const maxTypes = 10

// addTypeRisks says which of the types that the filter names are not there, and which ones are: a name may be mistyped.
func (m *planner) addTypeRisks() {
	there := maps.Clone(m.plan.Counts.ByEvent)
	if there == nil {
		there = map[string]int64{}
	}
	for ref, n := range m.scanned.dropped {
		if by := m.match.Schemas.Remembered(ref); by != nil && by.Schema != nil {
			there[by.Schema.FullName()] += n
		}
	}
	var absent []string
	for _, name := range m.plan.Filter.Events {
		if there[name] == 0 {
			absent = append(absent, name)
		}
	}
	if len(absent) == 0 || len(there) == 0 {
		return
	}
	names := slices.SortedFunc(maps.Keys(there), func(a, b string) int { return cmp.Or(cmp.Compare(there[b], there[a]), strings.Compare(a, b)) })
	more := ""
	if len(names) > maxTypes {
		names, more = names[:maxTypes], fmt.Sprintf(" and %d more", len(names)-maxTypes)
	}
	for i, name := range names {
		names[i] = fmt.Sprintf("%s (%s)", name, phrase.Count(there[name], "event"))
	}
	m.risk("no event in the range is of type %s; the types there are %s%s", strings.Join(absent, ", "), strings.Join(names, ", "), more)
}

// addUndecidedRisks says what applying does with events that nobody can decide about or read.
func (m *planner) addUndecidedRisks() {
	n := m.plan.Counts
	stops := func(flag string) string {
		switch {
		case m.plan.Target.Topic != "":
			return "apply stops there, unless " + flag + " says otherwise"
		case m.plan.Target.Handlers != "":
			return "the run stops there"
		}
		return "they are not counted"
	}
	if m.scanned.unknown != nil {
		m.risk("of unknown schemas, which the filter has to know: %s; %s; the first: %v", phrase.Count(n.Unknown, "event"), stops("--unknown"), m.scanned.unknown)
	} else if n.Unknown > 0 {
		m.risk("of unknown schemas, while values are written for another registry or anew: %s; %s", phrase.Count(n.Unknown, "event"), stops("--unknown"))
	}
	if m.scanned.undecided != nil {
		m.risk("not what their schemas say, so that the filter cannot decide: %s; %s; the first: %v",
			phrase.Count(n.Corrupt-int64(len(m.scanned.damaged)), "event"), stops("--corrupt"), m.scanned.undecided)
	}
	for _, err := range m.scanned.damaged {
		m.risk("what lies behind a damaged batch was not looked at; %s: %v", stops("--corrupt"), err)
	}
}

// addRewindRisks says what a group that goes back will meet.
func (m *planner) addRewindRisks() {
	group := m.plan.Target.Rewind
	moves := 0
	if committed := func(s Span) bool { return s.Committed >= 0 }; !slices.ContainsFunc(m.plan.Spans, committed) {
		m.risk("group %s has committed nothing of what is replayed, so that nothing is moved: `headrace groups list` lists the groups", group)
		return
	}
	for _, s := range m.plan.Spans {
		switch {
		case s.Committed < 0:
			m.risk("group %s has committed nothing of topic %s partition %d: it is left alone", group, s.Topic, s.Partition)
		case s.Committed > s.From:
			moves++
		}
	}
	if moves == 0 {
		m.risk("group %s has not gone beyond the beginning of any span: nothing is moved", group)
	}
	if m.plan.Source.To != "end" {
		m.risk("group %s goes on from there to the end, not only to %s", group, m.plan.Source.To)
	}
}
