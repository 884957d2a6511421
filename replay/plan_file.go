package replay

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/headrace/headrace/replay/filter"
)

const (
	maxPlanBytes = 64 << 20
	maxSpans     = 200_000 // partitions of one cluster
	maxTopics    = 10_000
)

// PlanError says what is wrong with a plan file, or with a plan that was changed by hand.
type PlanError struct {
	Field string // as spans[3].from; "" is the whole file
	Text  string
}

func (e *PlanError) Error() string {
	if e.Field == "" {
		return "plan: " + e.Text
	}
	return fmt.Sprintf("plan: %s: %s", e.Field, e.Text)
}

// Write writes the plan file. A plan that [ReadPlan] would refuse is a *[PlanError], and nothing is written.
func (p Plan) Write(w io.Writer) error {
	if err := p.Validate(); err != nil {
		return err
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(p); err != nil {
		return err
	}
	if text.Len() > maxPlanBytes {
		return &PlanError{Text: fmt.Sprintf("%d bytes are more than %d", text.Len(), maxPlanBytes)}
	}
	_, err := w.Write(text.Bytes())
	return err
}

// ReadPlan reads a plan file: one JSON object of at most 64 MiB, of this version, with no field that it does not know and no numbers
// that contradict each other. Whatever is wrong is a *[PlanError], or several joined. Whether the plan still fits the world is not
// looked at.
func ReadPlan(r io.Reader) (Plan, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxPlanBytes+1))
	if err != nil {
		return Plan{}, err
	}
	if len(text) > maxPlanBytes {
		return Plan{}, &PlanError{Text: fmt.Sprintf("it is longer than %d bytes", maxPlanBytes)}
	}
	// The version first: a later one may have fields that this one does not know.
	var head struct {
		Version *int `json:"version"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return Plan{}, notJSON(text, err)
	}
	switch {
	case head.Version == nil:
		return Plan{}, &PlanError{Field: "version", Text: "is missing: is it the file of a replay plan?"}
	case *head.Version != PlanVersion:
		return Plan{}, &PlanError{Field: "version", Text: fmt.Sprintf("%d is not %d, the one that this build reads: plan again with it", *head.Version, PlanVersion)}
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var p Plan
	if err := decoder.Decode(&p); err != nil {
		return Plan{}, notJSON(text, err)
	}
	if err := p.Validate(); err != nil {
		return Plan{}, err
	}
	return p, nil
}

// notJSON names the line of a mistake.
func notJSON(text []byte, err error) error {
	at := int64(-1)
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		at = syntax.Offset
	}
	field := ""
	if mismatch, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		at, field = mismatch.Offset, mismatch.Field
		err = fmt.Errorf("%s is not %s", mismatch.Value, mismatch.Type)
	}
	if at < 0 || at > int64(len(text)) {
		return &PlanError{Field: field, Text: err.Error()}
	}
	line := 1 + bytes.Count(text[:at], []byte("\n"))
	return &PlanError{Field: field, Text: fmt.Sprintf("line %d: %v", line, err)}
}

var planID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// Validate reports what in the plan contradicts itself: *[PlanError] and *[Error], all of them joined.
func (p Plan) Validate() error {
	c := &planCheck{}
	if p.Version != PlanVersion {
		c.note("version", "%d is not %d", p.Version, PlanVersion)
	}
	if !planID.MatchString(p.ID) {
		c.note("id", "%.100q is not up to 100 letters, digits, dots, dashes and underscores", p.ID)
	}
	if p.MadeAt.IsZero() {
		c.note("made_at", "is missing")
	}
	c.source(p)
	c.target(p.Target, p.Filter)
	if err := p.Filter.Validate(); err != nil {
		c.errs = append(c.errs, err)
	}
	c.spans(p)
	c.counts(p)
	c.earlier(p)
	return errors.Join(c.errs...)
}

// planCheck collects what is wrong, the first hundred.
type planCheck struct{ errs []error }

func (c *planCheck) note(field, format string, args ...any) {
	if len(c.errs) < 100 {
		c.errs = append(c.errs, &PlanError{Field: field, Text: fmt.Sprintf(format, args...)})
	}
}

func (c *planCheck) notNegative(field string, numbers ...int64) {
	for _, n := range numbers {
		if n < 0 {
			c.note(field, "%d is negative", n)
		}
	}
}

func (c *planCheck) earlier(p Plan) {
	if len(p.Earlier) > maxEarlier {
		c.note("earlier", "%d are more than %d", len(p.Earlier), maxEarlier)
	}
	for i, id := range p.Earlier {
		if !planID.MatchString(id) {
			c.note(fmt.Sprintf("earlier[%d]", i), "%.100q is not the id of a replay", id)
		}
	}
}

func (c *planCheck) source(p Plan) {
	if len(p.Source.Topics) == 0 {
		c.note("source.topics", "is empty")
	}
	if len(p.Source.Topics) > maxTopics {
		c.note("source.topics", "%d are more than %d", len(p.Source.Topics), maxTopics)
	}
	named := map[string]bool{}
	for i, name := range p.Source.Topics {
		if name == "" || named[name] {
			c.note(fmt.Sprintf("source.topics[%d]", i), "%q is empty or named twice", name)
		}
		named[name] = true
	}
	for i, t := range p.Topics {
		if !named[t.Name] || t.Partitions <= 0 {
			c.note(fmt.Sprintf("topics[%d]", i), "topic %q with %d partitions is not one of source.topics", t.Name, t.Partitions)
		}
	}
	for _, partition := range p.Source.Partitions {
		c.notNegative("source.partitions", int64(partition))
	}
}

func (c *planCheck) target(t Target, f filter.Filter) {
	set := 0
	for _, name := range []string{t.Topic, t.Handlers, t.Rewind} {
		if name != "" {
			set++
		}
	}
	switch {
	case set != 1:
		c.note("target", "has %d of topic, handlers and rewind, not one", set)
	case t.Topic == "" && (t.Raw || t.Reencode != ""):
		c.note("target", "raw and reencode are for a topic")
	case t.Raw && t.Reencode != "":
		c.note("target", "raw passes batches as they are, so that nothing can be encoded anew")
	case t.Raw && !f.IsZero():
		c.note("target.raw", "passes whole batches, so that there can be no filter")
	case t.Rewind != "" && !f.IsZero():
		c.note("target.rewind", "a group gets every event again, so that there can be no filter")
	}
	c.notNegative("target.partitions", int64(t.Partitions))
}

func (c *planCheck) spans(p Plan) {
	if len(p.Spans) > maxSpans {
		c.note("spans", "%d are more than %d", len(p.Spans), maxSpans)
		return
	}
	planned := map[string]int32{}
	for _, t := range p.Topics {
		planned[t.Name] = t.Partitions
	}
	for i, s := range p.Spans {
		field := fmt.Sprintf("spans[%d]", i)
		if n, ok := planned[s.Topic]; !ok {
			c.note(field+".topic", "%q is not one of topics", s.Topic)
		} else if s.Partition >= n {
			c.note(field+".partition", "%d is not one of the %d of topic %s", s.Partition, n, s.Topic)
		}
		c.notNegative(field, int64(s.Partition), s.From, s.To, s.LogStart, s.LogEnd, s.Gone, s.Events, s.Bytes)
		switch {
		case s.Committed < -1:
			c.note(field+".committed", "%d is negative", s.Committed)
		case s.To < s.From:
			c.note(field, "ends at %d, before it begins at %d", s.To, s.From)
		case s.To > s.From && (s.From < s.LogStart || s.To > s.LogEnd):
			c.note(field, "%d to %d is not within its log, %d to %d", s.From, s.To, s.LogStart, s.LogEnd)
		case s.Events > s.To-s.From:
			c.note(field+".events", "%d are more than lie from %d to %d", s.Events, s.From, s.To)
		}
		if i == 0 {
			continue
		}
		before := p.Spans[i-1]
		switch {
		case before.Topic > s.Topic || before.Topic == s.Topic && before.Partition > s.Partition:
			c.note(field, "topic %s partition %d does not come after topic %s partition %d", s.Topic, s.Partition, before.Topic, before.Partition)
		case before.Topic == s.Topic && before.Partition == s.Partition:
			c.note(field, "topic %s partition %d is there twice: overlapping or split spans are not read", s.Topic, s.Partition)
		}
	}
}

func (c *planCheck) counts(p Plan) {
	n := p.Counts
	c.notNegative("counts", n.Scanned, n.Events, n.Bytes, n.Tombstones, n.Foreign, n.Unknown, n.Corrupt)
	if n.Events > n.Scanned {
		c.note("counts.events", "%d are more than the %d looked at", n.Events, n.Scanned)
	}
	for name, count := range n.ByEvent {
		c.notNegative("counts.by_event."+name, count)
	}
	for day, count := range n.ByDay {
		c.notNegative("counts.by_day."+day, count)
	}
	for i, w := range p.Writers {
		c.notNegative(fmt.Sprintf("writers[%d]", i), w.Events, int64(w.Ref.ID))
	}
	if p.Seconds < 0 {
		c.note("seconds", "%v is negative", p.Seconds)
	}
}
