package replay

import (
	"context"
	"encoding/hex"
)

// topicID tells a topic from one of the same name that was made after it was deleted (KIP-516); zero when it is not known.
type topicID [16]byte

func (id topicID) String() string { return hex.EncodeToString(id[:]) }

// topicIDOf reads the id of a [TopicState].
func topicIDOf(text string) (id topicID) {
	if raw, err := hex.DecodeString(text); err == nil && len(raw) == len(id) {
		copy(id[:], raw)
	}
	return id
}

// sameTopic refuses a topic that is another one than was meant.
func sameTopic(name string, meant, now topicID) error {
	if none := (topicID{}); now == meant || now == none || meant == none {
		return nil
	}
	return &StaleError{Change: TopicRecreated, Topic: name, Partition: -1, Was: "topic id " + meant.String(), Is: now.String()}
}

// recordSourceIDs notes which topics the copy reads: those of the plan, or those that are there when it begins.
func (c *copier) recordSourceIDs(ctx context.Context) error {
	c.sources = map[string]topicID{}
	for _, t := range c.cfg.Plan.Topics {
		if id := topicIDOf(t.ID); id != (topicID{}) {
			c.sources[t.Name] = id
		}
	}
	for _, pc := range c.partitions {
		for _, span := range pc.spans {
			if _, known := c.sources[span.Topic]; known {
				continue
			}
			now, err := stateOf(ctx, c.from, span.Topic)
			if err != nil {
				return err
			}
			c.sources[span.Topic] = topicIDOf(now.ID)
		}
	}
	return nil
}
