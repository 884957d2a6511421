package replay

import "strings"

// tellRisks puts into words what a person should know before applying.
func (m *making) tellRisks() {
	p, n := m.plan, m.plan.Counts
	if m.counted.total == 0 {
		m.risk("nothing lies in the range: the replay does nothing")
	} else if n.Events == 0 {
		m.risk("none of the %d events in the range passes the filter: the replay does nothing", n.Scanned)
	}
	var gone, partitions int64
	for _, s := range p.Spans {
		if gone += s.Gone; s.Gone > 0 {
			partitions++
		}
	}
	if gone > 0 {
		m.risk("%d offsets that were asked for, in %d partitions, are gone from retention", gone, partitions)
	}
	if m.counted.undecided != nil {
		m.risk("%d events cannot be decided and are not counted, the first: %v", n.Corrupt-int64(len(m.counted.damaged)), m.counted.undecided)
	}
	for _, err := range m.counted.damaged {
		m.risk("what lies behind a damaged batch was not looked at: %v", err)
	}
	if n.Foreign > 0 && (p.Filter.IsZero() || !m.match.needsSchema()) {
		m.risk("%d values are not in a schema registry's wire format: they are replayed as they are", n.Foreign)
	} else if n.Foreign > 0 {
		m.risk("%d values are not in a schema registry's wire format: the filter asks for more, and lets those it cannot read not through", n.Foreign)
	}
	if m.counted.overflow > 0 {
		m.risk("%d events name further schemas, which were not looked at", m.counted.overflow)
	}
	for _, w := range p.Writers {
		if len(w.Problems) > 0 {
			m.risk("%d events of %s cannot be read by the target: %s", w.Events, w.Ref, w.Problems[0])
		}
	}
	if len(p.Consumers) > 0 {
		m.risk("the events will be seen by %s, which reads topic %s", strings.Join(p.Consumers, ", "), p.Target.Topic)
	}
	if p.Target.Rewind != "" {
		m.tellRewind()
	}
	p.Risks = m.risks
}

// tellRewind says what a group that goes back will meet.
func (m *making) tellRewind() {
	group := m.plan.Target.Rewind
	moves := 0
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
