package project

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// valueKind is how the value of a topic's setting is written.
type valueKind int

const (
	textValue valueKind = iota
	durationValue
	bytesValue
	intValue
	boolValue
	ratioValue
	listValue // Kafka's list: values with commas between
)

// setting is one setting of topics.
type setting struct {
	name    string // Kafka's
	short   string // ours, without units in the name; empty when there is none
	kind    valueKind
	nothing string // the word for -1, which lifts the limit
	choices []string
}

// settings are those of Kafka 3.9 to 4.4 (org.apache.kafka.common.config.TopicConfig). A name with a dot that is not here goes to the
// broker as it is, since later versions have more.
func settings() []setting {
	return []setting{
		{name: "cleanup.policy", short: "cleanup", kind: listValue, choices: []string{"delete", "compact"}},
		{name: "compression.gzip.level", kind: intValue},
		{name: "compression.lz4.level", kind: intValue},
		{
			name: "compression.type", short: "compression",
			choices: []string{"producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"},
		},
		{name: "compression.zstd.level", kind: intValue},
		{name: "delete.retention.ms", short: "delete_retention", kind: durationValue},
		{name: "file.delete.delay.ms", kind: durationValue},
		{name: "flush.messages", kind: intValue},
		{name: "flush.ms", kind: durationValue},
		{name: "follower.replication.throttled.replicas", kind: listValue},
		{name: "index.interval.bytes", kind: bytesValue},
		{name: "leader.replication.throttled.replicas", kind: listValue},
		{name: "local.retention.bytes", short: "local_retention_bytes", kind: bytesValue},
		{name: "local.retention.ms", short: "local_retention", kind: durationValue},
		{name: "max.compaction.lag.ms", short: "max_compaction_lag", kind: durationValue},
		{name: "max.message.bytes", short: "max_message", kind: bytesValue},
		{name: "message.timestamp.after.max.ms", kind: durationValue},
		{name: "message.timestamp.before.max.ms", kind: durationValue},
		{name: "message.timestamp.difference.max.ms", kind: durationValue}, // until 3.9
		{name: "message.timestamp.type", short: "timestamp", choices: []string{"CreateTime", "LogAppendTime"}},
		{name: "min.cleanable.dirty.ratio", kind: ratioValue},
		{name: "min.compaction.lag.ms", short: "min_compaction_lag", kind: durationValue},
		{name: "min.insync.replicas", short: "min_insync", kind: intValue},
		{name: "preallocate", kind: boolValue},
		{name: "remote.log.copy.disable", kind: boolValue},
		{name: "remote.log.delete.on.disable", kind: boolValue},
		{name: "remote.storage.enable", short: "tiered", kind: boolValue},
		{name: "retention.bytes", short: "retention_bytes", kind: bytesValue, nothing: "unlimited"},
		{name: "retention.ms", short: "retention", kind: durationValue, nothing: "forever"},
		{name: "segment.bytes", short: "segment_bytes", kind: bytesValue},
		{name: "segment.index.bytes", kind: bytesValue},
		{name: "segment.jitter.ms", kind: durationValue},
		{name: "segment.ms", short: "segment", kind: durationValue},
		{name: "unclean.leader.election.enable", short: "unclean_election", kind: boolValue},
	}
}

// settingNames are the names a file may use.
func settingNames() []string {
	var names []string
	for _, s := range settings() {
		if s.short != "" {
			names = append(names, s.short)
		}
	}
	for _, s := range settings() {
		names = append(names, s.name)
	}
	return names
}

// findSetting looks a setting up by either name.
func findSetting(name string) (setting, bool) {
	for _, s := range settings() {
		if name != "" && (name == s.short || name == s.name) {
			return s, true
		}
	}
	return setting{}, false
}

// kafkaValue turns what a file says into what Kafka stores. native says that Kafka's own name was used, with which a plain number
// is in Kafka's own unit.
func (s setting) kafkaValue(text string, native bool) (string, error) {
	switch {
	case s.nothing != "" && (text == s.nothing || text == "-1"):
		return "-1", nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil && n < 0 && native {
		return text, nil // Kafka gives several negative numbers a meaning
	}
	switch s.kind {
	case durationValue:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil && native && n >= 0 {
			return text, nil
		}
		d, err := ParseDuration(text)
		return strconv.FormatInt(d.Milliseconds(), 10), err
	case bytesValue:
		n, err := ParseBytes(text)
		return strconv.FormatInt(n, 10), err
	case intValue:
		n, err := parseInt(text, 0)
		return strconv.FormatInt(n, 10), err
	case boolValue:
		if text != "true" && text != "false" {
			return "", fmt.Errorf("%q is neither true nor false", text)
		}
	case ratioValue:
		if n, err := strconv.ParseFloat(text, 64); err != nil || n < 0 || n > 1 {
			return "", fmt.Errorf("%q is not a number from 0 to 1", text)
		}
	case listValue:
		parts := strings.Split(text, ",")
		for i, part := range parts {
			parts[i] = strings.TrimSpace(part)
			if s.choices != nil && !slices.Contains(s.choices, parts[i]) {
				return "", s.noChoice(parts[i])
			}
		}
		return strings.Join(parts, ","), nil
	default:
		if s.choices != nil && !slices.Contains(s.choices, text) {
			return "", s.noChoice(text)
		}
	}
	return text, nil
}

func (s setting) noChoice(text string) error {
	return fmt.Errorf("%q: %s", text, didYouMean(text, s.choices))
}

// ShortSetting returns a setting of Kafka's as a file may say it: name and value in human units, such that reading them gives the
// same setting back.
func ShortSetting(name, value string) (short, human string) {
	s, ok := findSetting(name)
	if !ok {
		return name, value
	}
	short, human = s.name, value
	if s.short != "" {
		short = s.short
	}
	n, err := strconv.ParseInt(value, 10, 64)
	switch {
	case value == "-1" && s.nothing != "":
		human = s.nothing
	case err != nil || n < 0:
		if n < 0 {
			short = s.name // only Kafka's own name takes such a number
		}
	case s.kind == durationValue:
		human = FormatDuration(time.Duration(n) * time.Millisecond) // wraps for what no duration holds, which does not come back
		if back, err := s.kafkaValue(human, false); err != nil || back != value {
			return s.name, value
		}
	case s.kind == bytesValue:
		human = FormatBytes(n)
	}
	return short, human
}

// IsList reports whether a setting of Kafka's is a list, whose order means nothing.
func IsList(name string) bool {
	s, ok := findSetting(name)
	return ok && s.kind == listValue
}

// IsRatio reports whether a setting of Kafka's is a number that need not be whole, which Kafka writes as Java does.
func IsRatio(name string) bool {
	s, ok := findSetting(name)
	return ok && s.kind == ratioValue
}
