package topics

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/kafka"
)

const (
	lastRank = 7

	// createBatch keeps a request below the 10,000 records that a controller takes at once, with up to some 100 partitions for each topic.
	createBatch = 100
	alterBatch  = 250

	// patience is how long a request that got no answer, or a passing refusal, is repeated.
	patience = 30 * time.Second
)

// makeChanges makes some changes and returns an error for each, nil for those that were made; or none and the reason why the
// request failed as a whole.
type makeChanges func(ctx context.Context, due []int) (errs []error, err error)

// inBatches makes changes, so many in one request. What fails for a passing reason is tried again, after a look at what has
// been made all the same: the answer may have been lost, and not the request.
func (a *application) inBatches(ctx context.Context, due []int, size int, change makeChanges) {
	for batch := range slices.Chunk(due, size) {
		if a.stopped(ctx) {
			return
		}
		a.batch(ctx, batch, change)
	}
}

func (a *application) batch(ctx context.Context, due []int, change makeChanges) {
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	left := slices.Clone(due)
	repeated := false
	err := a.client.Retry(limited, func(ctx context.Context) error {
		if repeated {
			still, err := a.stillPending(ctx, left)
			if err != nil {
				return err
			}
			left = still
		}
		if len(left) == 0 {
			return nil
		}
		errs, err := change(ctx, left)
		lost := repeated // an earlier request may have done it
		repeated = true
		if errs == nil {
			return err
		}
		var open []int
		var passing error
		for n, i := range left {
			switch e := errs[n]; {
			case e == nil:
				a.finish(i, Done, nil)
			case kafka.Retriable(e):
				open, passing = append(open, i), e
			case lost && (errors.Is(e, kerr.TopicAlreadyExists) || errors.Is(e, kerr.InvalidPartitions)):
				// What is decides; the brokers may not all have heard of it yet.
				open, passing = append(open, i), kerr.NotController
			default:
				a.finish(i, Failed, a.explain(i, e))
			}
		}
		left = open
		return passing
	})
	for _, i := range left {
		if err != nil {
			a.finish(i, Failed, a.explain(i, err))
		}
	}
}

// stillPending looks at changes whose request got no clear answer, and finishes those that have been made.
func (a *application) stillPending(ctx context.Context, due []int) ([]int, error) {
	world, err := a.observe(ctx, kafka.AnyNode)
	if err != nil {
		return nil, err
	}
	var open []int
	for _, i := range due {
		switch state, found := a.plan.Changes[i].state(world); state {
		case asWanted:
			a.finish(i, Done, nil)
		case asPlanned:
			open = append(open, i)
		default:
			a.finish(i, Failed, &StaleError{[]Difference{{a.plan.Changes[i], found}}})
		}
	}
	return open, nil
}

// explain names the right that is missing.
func (a *application) explain(i int, err error) error {
	c := a.plan.Changes[i]
	switch c.Kind {
	case CreateTopic:
		return rightError(err, "CREATE", "topic "+c.Topic)
	case SetConfig:
		return rightError(err, "ALTER_CONFIGS", "topic "+c.Topic)
	case AddPartitions:
		return rightError(err, "ALTER", "topic "+c.Topic)
	case DeleteTopic:
		return rightError(err, "DELETE", "topic "+c.Topic)
	default:
		return rightError(err, "ALTER", "the cluster")
	}
}

func (c Change) newTopic() kafka.NewTopic {
	topic := kafka.NewTopic{Name: c.Topic, Partitions: -1, ReplicationFactor: -1, Configs: map[string]string{}}
	if c.Partitions > 0 {
		topic.Partitions = int32(min(c.Partitions, 1<<31-1))
	}
	if c.Replication > 0 {
		topic.ReplicationFactor = int16(min(c.Replication, 1<<15-1))
	}
	for _, config := range c.Configs {
		topic.Configs[config.Name] = config.Value
	}
	return topic
}

func (a *application) newTopics(due []int) []kafka.NewTopic {
	topics := make([]kafka.NewTopic, len(due))
	for n, i := range due {
		topics[n] = a.plan.Changes[i].newTopic()
	}
	return topics
}

func (a *application) createTopics(ctx context.Context, due []int) ([]error, error) {
	return a.client.CreateTopics(ctx, false, a.newTopics(due)...)
}

// alterConfigs changes settings, those of one topic together: a broker takes all of them or none.
func (a *application) alterConfigs(ctx context.Context, due []int) ([]error, error) {
	return a.alter(ctx, due, false)
}

func (a *application) alter(ctx context.Context, due []int, validateOnly bool) ([]error, error) {
	var changes []kafka.ConfigChange
	at := map[string]int{}
	for _, i := range due {
		c := a.plan.Changes[i]
		n, ok := at[c.Topic]
		if !ok {
			n = len(changes)
			at[c.Topic] = n
			changes = append(changes, kafka.ConfigChange{Resource: kafka.ConfigResource{Topic: c.Topic}, Set: map[string]*string{}})
		}
		changes[n].Set[c.Setting] = &c.New
	}
	answers, err := a.client.AlterConfigs(ctx, validateOnly, changes...)
	if answers == nil {
		return nil, err
	}
	errs := make([]error, len(due))
	for n, i := range due {
		errs[n] = answers[at[a.plan.Changes[i].Topic]]
	}
	return errs, nil
}

func (a *application) addPartitions(ctx context.Context, due []int) ([]error, error) {
	wanted := make([]kafka.MorePartitions, len(due))
	for n, i := range due {
		c := a.plan.Changes[i]
		wanted[n] = kafka.MorePartitions{Topic: c.Topic, Total: int32(min(c.Partitions, 1<<31-1))} //nolint:gosec // bounded here
	}
	return a.client.CreatePartitions(ctx, wanted...)
}

func (a *application) deleteTopics(ctx context.Context, due []int) ([]error, error) {
	names := make([]string, len(due))
	for n, i := range due {
		names[n] = a.plan.Changes[i].Topic
	}
	return a.client.DeleteTopics(ctx, names...)
}

func (a *application) createACLs(ctx context.Context, due []int) ([]error, error) {
	rules := make([]kafka.ACL, len(due))
	for n, i := range due {
		rules[n] = a.plan.Changes[i].ACL.kafka()
	}
	return a.client.CreateACLs(ctx, rules...)
}

// rehearse asks the brokers whether they would take new topics and settings, so that a refusal comes before the first change and not
// in the middle. An outage is none: it is met again when the changes are made.
func (a *application) rehearse(ctx context.Context) {
	var creations, settings []int
	for i, c := range a.plan.Changes {
		switch {
		case a.pending[i] && c.Kind == CreateTopic:
			creations = append(creations, i)
		case a.pending[i] && c.Kind == SetConfig:
			settings = append(settings, i)
		}
	}
	for batch := range slices.Chunk(creations, createBatch) {
		errs, _ := a.client.CreateTopics(ctx, true, a.newTopics(batch)...) // the errors are in errs, or come again
		a.refused(batch, errs)
	}
	for batch := range slices.Chunk(settings, alterBatch) {
		errs, _ := a.alter(ctx, batch, true) // the same
		a.refused(batch, errs)
	}
}

func (a *application) refused(batch []int, errs []error) {
	for n, err := range errs {
		if err != nil && !kafka.Retriable(err) {
			a.finish(batch[n], Failed, a.explain(batch[n], err))
		}
	}
}
