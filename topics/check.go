package topics

import (
	"fmt"
	"strconv"

	"github.com/headrace/headrace/internal/project"
)

// checkTopics finds what no cluster can make sense of.
func (r *resolution) checkTopics() {
	metrics := map[string]string{} // Kafka's metrics do not tell dots and underscores apart, and so it refuses the second
	for _, t := range r.wanted.Topics {
		collapsed := metricName(t.Name)
		if other, taken := metrics[collapsed]; taken {
			r.fail(r.positions[t.Name], "rename one", fmt.Sprintf("topic %s: Kafka takes it for %s, because its metrics write both %s", t.Name, other, collapsed))
		}
		metrics[collapsed] = t.Name
		insync, err := strconv.Atoi(configOf(t.Configs, "min.insync.replicas"))
		if err == nil && t.Replication > 0 && insync > t.Replication {
			r.fail(r.positions[t.Name], "lower it or raise replication",
				fmt.Sprintf("topic %s: min.insync.replicas is %d with %d replicas: nothing could be written", t.Name, insync, t.Replication))
		}
	}
	for _, g := range r.file.Groups {
		for _, s := range g.RetryConfig {
			retention, err := strconv.ParseInt(s.Value, 10, 64)
			for _, delay := range g.Retry {
				if err == nil && s.Name == "retention.ms" && retention >= 0 && retention < 2*delay.Milliseconds() {
					r.fail(s.At, "keep them for twice the delay at least",
						fmt.Sprintf("group %s: events wait %s in a retry topic that keeps them for %s", g.Name, project.FormatDuration(delay), s.Written))
				}
			}
		}
	}
}

// metricName is what Kafka's metrics make of a topic's name (org.apache.kafka.common.internals.Topic.unifyCollisionChars).
func metricName(topic string) string {
	text := []byte(topic)
	for i, c := range text {
		if c == '.' {
			text[i] = '_'
		}
	}
	return string(text)
}

// configOf returns the value of a setting, "" when it is not there.
func configOf(configs []Config, name string) string {
	for _, c := range configs {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}
