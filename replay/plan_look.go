package replay

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/groups"
	"github.com/headrace/headrace/internal/kafka"
)

// checkApply tells what of the clusters' settings and rights would hinder an apply, or undo it.
func (m *planner) checkApply(ctx context.Context) error {
	t := m.plan.Target
	for _, s := range m.plan.Topics {
		if err := m.checkRight(ctx, m.from, s.Name, kmsg.ACLOperationRead); err != nil {
			return err
		}
	}
	switch {
	case t.Topic != "":
		if err := m.checkRight(ctx, m.to, t.Topic, kmsg.ACLOperationWrite); err != nil {
			return err
		}
		return m.checkTargetSettings(ctx)
	case t.Rewind != "":
		return m.checkGroup(ctx)
	}
	return nil
}

// checkRight says when the one who plans may not do what an apply has to.
func (m *planner) checkRight(ctx context.Context, client *kafka.Client, topic string, op kmsg.ACLOperation) error {
	var allowed kafka.Operations
	err := client.Retry(ctx, func(ctx context.Context) (err error) {
		allowed, err = client.TopicOperations(ctx, topic)
		return err
	})
	if err == nil && !allowed.Allow(op) {
		m.risk("the right to %s topic %s is missing: applying the plan as you fails", op, topic)
	}
	return err
}

func (m *planner) checkGroup(ctx context.Context) error {
	name := m.plan.Target.Rewind
	var allowed kafka.Operations
	err := m.from.Retry(ctx, func(ctx context.Context) (err error) {
		allowed, err = m.from.GroupOperations(ctx, name)
		return err
	})
	if err != nil {
		return err
	}
	if !allowed.Allow(kmsg.ACLOperationRead) {
		m.risk("the right to %s group %s is missing: applying the plan as you fails", kmsg.ACLOperationRead, name)
	}
	listed, err := groups.List(ctx, m.Request.From)
	if err != nil {
		return err
	}
	for _, g := range listed {
		if g.Name == name && g.State != "Empty" && g.State != "Dead" {
			m.risk("group %s is live (%s): its members have to be stopped before it is moved", name, g.State)
		}
	}
	return nil
}

// checkTargetSettings says what the target topic does with events that come late.
func (m *planner) checkTargetSettings(ctx context.Context) error {
	topic := m.plan.Target.Topic
	settings, err := settingsOf(ctx, m.to, topic)
	if noRight(err) {
		m.risk("the settings of topic %s may not be looked at, so that its retention and cleanup are not known", topic)
		return nil
	}
	if err != nil {
		return err
	}
	cleanup := settings["cleanup.policy"]
	if strings.Contains(cleanup, "compact") {
		m.risk("topic %s is compacted: of the events with one key it keeps the last, and it removes what tells an interrupted copy where it stood", topic)
	}
	if m.scanned.first.IsZero() {
		return nil
	}
	oldest := m.now.Sub(m.scanned.first)
	stamped := settings["message.timestamp.type"] == "LogAppendTime"
	if stamped {
		m.risk("topic %s stamps events when they come (LogAppendTime): their own timestamps are not kept", topic)
	}
	if kept := settings.duration("retention.ms"); strings.Contains(cleanup, "delete") && kept >= 0 && oldest > kept && !stamped {
		m.risk("topic %s keeps events for %v, and the oldest is %v old: what is older is deleted soon after it is copied; set its retention.ms to -1 first",
			topic, long(kept), long(oldest))
	}
	if most := settings.duration("message.timestamp.before.max.ms"); most >= 0 && oldest > most && !stamped {
		m.risk("topic %s refuses events older than %v (message.timestamp.before.max.ms), and the oldest is %v old: the copy stops there", topic, long(most), long(oldest))
	}
	most, err := strconv.ParseInt(settings["max.message.bytes"], 10, 64)
	if err != nil {
		return nil //nolint:nilerr // a broker that does not say has no bound to tell of
	}
	if m.scanned.largest > most {
		m.risk("topic %s takes batches of up to %d bytes (max.message.bytes), and the largest event has %d: the copy stops there unless it is compressed well",
			topic, most, m.scanned.largest)
	}
	if m.plan.Target.Raw {
		return m.checkBatchSizes(ctx, most)
	}
	return nil
}

// checkBatchSizes compares how large batches may be, which pass as they are.
func (m *planner) checkBatchSizes(ctx context.Context, most int64) error {
	for _, s := range m.plan.Topics {
		settings, err := settingsOf(ctx, m.from, s.Name)
		if noRight(err) {
			continue
		}
		if err != nil {
			return err
		}
		if n, err := strconv.ParseInt(settings["max.message.bytes"], 10, 64); err == nil && n > most {
			m.risk("topic %s may hold batches of %d bytes, and topic %s takes up to %d: a larger one stops the copy", s.Name, n, m.plan.Target.Topic, most)
		}
	}
	return nil
}

// endsOf is where the partitions' logs end, with what is in open transactions.
func endsOf(ctx context.Context, client *kafka.Client, spans []Span) ([]kafka.OffsetAnswer, error) {
	queries := make([]kafka.OffsetQuery, len(spans))
	for i, s := range spans {
		queries[i] = kafka.OffsetQuery{Topic: s.Topic, Partition: s.Partition, Timestamp: kafka.Latest}
	}
	return listOffsets(ctx, client, queries)
}

// addTransactionRisks says when a partition had more, already before its end was fixed, than what a reader is given.
func (m *planner) addTransactionRisks(spans []Span, ends []kafka.OffsetAnswer) {
	for i, s := range spans {
		if s.To == s.LogEnd && ends[i].Offset > s.LogEnd {
			m.risk("topic %s partition %d has a transaction open at offset %d: what lies from there to %d is not replayed",
				s.Topic, s.Partition, s.LogEnd, ends[i].Offset)
		}
	}
}

// settings are those of a topic, by Kafka's names.
type settings map[string]string

func settingsOf(ctx context.Context, client *kafka.Client, topic string) (settings, error) {
	var entries []kafka.ConfigEntry
	err := client.Retry(ctx, func(ctx context.Context) (err error) {
		entries, err = client.TopicConfigs(ctx, topic)
		return err
	})
	s := make(settings, len(entries))
	for _, e := range entries {
		s[e.Name] = e.Value
	}
	return s, err
}

// duration is a setting in milliseconds; -1 when there is no bound.
func (s settings) duration(name string) time.Duration {
	ms, err := strconv.ParseInt(s[name], 10, 64)
	if err != nil || ms < 0 || ms > int64(1<<62/time.Millisecond) {
		return -1
	}
	return time.Duration(ms) * time.Millisecond
}

// long is a duration in the unit a person would use.
func long(d time.Duration) string {
	if d >= 48*time.Hour {
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return d.Round(time.Second).String()
}
