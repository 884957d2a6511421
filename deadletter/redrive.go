package deadletter

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/internal/headers"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/internal/phrase"
	"github.com/headrace/headrace/internal/topicstate"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/replay/filter"
	"github.com/headrace/headrace/schema/registry"
)

// MaxRedrives is how often an event may have been returned unless the request says otherwise. One that died once more after that is
// in quarantine: it stays in the dead-letter topic until somebody asks for it.
const MaxRedrives = 3

// RedriveRequest says which dead letters are to be returned, and where to. Cluster and Topic are needed.
type RedriveRequest struct {
	Cluster   headrace.Cluster
	Registry  *registry.Client // where the selection or an edit asks for what an event says; nil otherwise
	Topic     string           // of the dead letters
	Selection Selection

	// ToGroup returns the events only to the group that gave them up, through its first retry topic. Otherwise they go to the topic
	// they came from, where every group that reads it gets them.
	ToGroup bool

	// MaxRedrives is how often an event may have been returned before; more is quarantine. Defaults to the constant of this name;
	// negative is no limit.
	MaxRedrives int

	// Edit, when not nil, is JSON that takes the place of the event's value, encoded with the schema that this was written with. The
	// selection must leave one dead letter then.
	Edit []byte
}

// DiscardRequest says which dead letters nobody needs. Cluster, Topic and Reason are needed.
type DiscardRequest struct {
	Cluster   headrace.Cluster
	Registry  *registry.Client // as in [RedriveRequest]
	Topic     string
	Selection Selection
	Reason    string // for the record
}

// Redrive is the plan of a redrive or of a discard: the dead letters of a topic that it is about, exactly. What arrives later is not
// among them.
type Redrive struct {
	Topic      string
	TopicID    string // hexadecimal; "" when the broker does not send topic ids
	Discard    string // why they are discarded; "" when they are returned
	ToGroup    bool
	Selection  string // in words
	Partitions []RedrivePartition
	Returns    []Return // in order of topic
	Left       []Left   // in order of reason
	Edit       *Edited
}

// RedrivePartition is which dead letters of one partition a plan is about.
type RedrivePartition struct {
	Partition int32
	Spans     []headrace.OffsetRange // in order, apart from each other
	Events    int64
}

// Return is how many dead letters go to one topic.
type Return struct {
	Topic  string
	Events int64

	// Claimed says that nothing but the headers of some of them names the topic: they are of another program, or do not lie in the
	// dead-letter topic of the topic and group that they name. [RedriveConfig.Targets] has to name the topic then.
	Claimed bool
}

// Left is how many dead letters of the selection stay where they are, and why. They stay open.
type Left struct {
	Reason string
	Events int64
}

// Edited is the change of a value.
type Edited struct {
	headrace.Location
	Event         string
	Before, After []byte // JSON; Before is nil when the value could not be decoded
	Value         []byte // as it will be written
}

// Events is how many dead letters the plan is about.
func (r Redrive) Events() (n int64) {
	for _, p := range r.Partitions {
		n += p.Events
	}
	return n
}

// PlanRedrive reads the dead letters of a topic and plans to return those of the selection that are still open. It changes nothing. A
// topic that does not exist, the dead-letter topic or one that events would go to, is a *[reader.MissingTopicError]; a group without
// a retry topic is a *[NoRetryTopicError]; a where that has no answer for any dead letter wraps a *[Error].
func PlanRedrive(ctx context.Context, r RedriveRequest) (Redrive, error) {
	if r.MaxRedrives == 0 {
		r.MaxRedrives = MaxRedrives
	}
	p := &planning{plan: Redrive{Topic: r.Topic, ToGroup: r.ToGroup, Selection: r.Selection.String()}, request: r, returns: map[string]*Return{}}
	reading, err := openReader(ctx, r.Cluster, r.Registry, r.Selection)
	if err != nil {
		return Redrive{}, err
	}
	defer reading.close()
	p.router = newRouter(reading.client, r.ToGroup)
	if err := p.read(ctx, reading, p.redrive); err != nil {
		return Redrive{}, err
	}
	if r.Edit != nil {
		if err := p.edit(ctx); err != nil {
			return Redrive{}, err
		}
	}
	return p.end(), p.checkTopics(ctx, reading.client)
}

// PlanDiscard reads the dead letters of a topic and plans to discard those of the selection that are still open. It changes nothing. A
// where that has no answer for any dead letter wraps a *[Error].
func PlanDiscard(ctx context.Context, r DiscardRequest) (Redrive, error) {
	if r.Reason == "" {
		return Redrive{}, errors.New("discard: a reason is needed, for the record")
	}
	p := &planning{plan: Redrive{Topic: r.Topic, Discard: r.Reason, Selection: r.Selection.String()}}
	reading, err := openReader(ctx, r.Cluster, r.Registry, r.Selection)
	if err != nil {
		return Redrive{}, err
	}
	defer reading.close()
	if err := p.read(ctx, reading, func(context.Context, *Letter) (string, error) { return "", nil }); err != nil {
		return Redrive{}, err
	}
	return p.end(), nil
}

// planning is the making of one plan.
type planning struct {
	plan    Redrive
	request RedriveRequest
	router  *router
	returns map[string]*Return
	left    map[string]int64
	spans   map[int32]*RedrivePartition
	edited  *Letter // a copy of the last one, for an edit
}

// read goes over the open dead letters of the selection; choose says why one stays, "" when it does not.
func (p *planning) read(ctx context.Context, reading *letterReader, choose func(context.Context, *Letter) (string, error)) error {
	state, err := topicstate.Get(ctx, reading.client, p.plan.Topic)
	if err != nil {
		return err
	}
	p.plan.TopicID = state.ID
	p.left, p.spans = map[string]int64{}, map[int32]*RedrivePartition{}
	err = reading.read(ctx, state, func(d *Letter, undecided error) error {
		if d.Fate != FateOpen {
			return nil
		}
		if undecided != nil {
			p.left["cannot be decided: "+folded(errors.Unwrap(undecided))]++
			return nil
		}
		why, err := choose(ctx, d)
		switch {
		case err != nil:
			return err
		case why != "":
			p.left[why]++
		default:
			p.add(d)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return reading.selector.unanswerable()
}

// folded is FoldError of the reason, except for the position in an expression, which is the same for every event.
func folded(err error) string {
	if wrong, ok := errors.AsType[*filter.Error](err); ok {
		same := *wrong
		same.Text = FoldError(wrong.Text)
		return same.Error()
	}
	return FoldError(err.Error())
}

// redrive says why a dead letter stays, and counts where it goes.
func (p *planning) redrive(ctx context.Context, d *Letter) (string, error) {
	if why := d.unreturnable(p.request.ToGroup); why != "" {
		return why, nil
	}
	if most := p.request.MaxRedrives; most >= 0 && d.Redrives >= most {
		return fmt.Sprintf("in quarantine: returned %d times or more already", most), nil
	}
	err := d.dereference(ctx, p.request.Cluster)
	if gone, ok := errors.AsType[*EventGoneError](err); ok {
		return "refers to an event that is gone: " + gone.Reason, nil
	}
	if err != nil {
		return "", err
	}
	to, err := p.router.of(ctx, d)
	if err != nil {
		return "", err
	}
	if p.returns[to.topic] == nil {
		p.returns[to.topic] = &Return{Topic: to.topic}
	}
	p.returns[to.topic].Events++
	p.returns[to.topic].Claimed = p.returns[to.topic].Claimed || to.claimed
	if p.request.Edit != nil {
		p.edited = cloneLetter(d)
	}
	return "", nil
}

// add notes that a dead letter is chosen. Those of a partition come in order.
func (p *planning) add(d *Letter) {
	part := p.spans[d.Partition]
	if part == nil {
		part = &RedrivePartition{Partition: d.Partition}
		p.spans[d.Partition] = part
	}
	part.Events++
	if n := len(part.Spans); n > 0 && part.Spans[n-1].To == d.Offset {
		part.Spans[n-1].To++
		return
	}
	part.Spans = append(part.Spans, headrace.OffsetRange{From: d.Offset, To: d.Offset + 1})
}

func (p *planning) end() Redrive {
	for _, id := range slices.Sorted(maps.Keys(p.spans)) {
		p.plan.Partitions = append(p.plan.Partitions, *p.spans[id])
	}
	for _, name := range slices.Sorted(maps.Keys(p.returns)) {
		p.plan.Returns = append(p.plan.Returns, *p.returns[name])
	}
	for _, why := range slices.Sorted(maps.Keys(p.left)) {
		p.plan.Left = append(p.plan.Left, Left{Reason: why, Events: p.left[why]})
	}
	return p.plan
}

// checkTopics reports every topic that events are to go to and that does not exist.
func (p *planning) checkTopics(ctx context.Context, client *kafka.Client) error {
	var errs []error
	for _, to := range p.plan.Returns {
		_, err := topicstate.Get(ctx, client, to.Topic)
		if _, missing := errors.AsType[*reader.MissingTopicError](err); missing {
			err = fmt.Errorf("%s of %s: %w", phrase.Count(to.Events, "dead letter"), p.plan.Topic, err)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// unreturnable says why a dead letter cannot go back to where it came from; "" when it can.
func (d *Letter) unreturnable(toGroup bool) string {
	switch {
	case d.Kind == "batch":
		return "a record batch, not one event"
	case d.Origin.Topic == "":
		return "headers that do not tell where it came from"
	case d.Origin.Topic == d.Topic:
		return "came from the dead-letter topic itself"
	case internalTopic(d.Origin.Topic):
		return "headers that name an internal topic as the one it came from"
	case d.Family == FamilySpring && d.springTopicsDiffer():
		return "headers that name several topics it came from"
	case d.Family == FamilyOwn && d.Group == "" && headers.Last(d.Raw, consumer.HeaderReplay) != nil:
		return "made by a copy: mend and copy again"
	case d.Family == FamilyShare && d.Key == nil && d.Value == nil:
		return "no copy of the event, which is still in its topic: the share group has errors.deadletterqueue.copy.record.enable off"
	case d.badReference() != "":
		return d.badReference()
	case toGroup && d.Group == "":
		return "headers that do not tell which group gave it up"
	}
	return ""
}
