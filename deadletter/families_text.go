package deadletter

import (
	"encoding/binary"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/internal/phrase"
)

// number reads a number in digits that is not negative, or returns none.
func number(digits []byte, none int64, bits int) int64 {
	if len(digits) > 20 {
		return none
	}
	n, err := strconv.ParseInt(string(digits), 10, bits)
	if err != nil || n < 0 {
		return none
	}
	return n
}

// partitionNumber reads a partition's number in digits, or returns -1.
func partitionNumber(digits []byte) int32 {
	return int32(number(digits, -1, 32)) //nolint:gosec // read as 32 bits
}

// bigEndian reads an integer of so many bytes that is not negative, or returns none.
func bigEndian(value []byte, size int, none int64) int64 {
	if len(value) != size {
		return none
	}
	var wide [8]byte
	copy(wide[8-size:], value)
	if value[0]&0x80 != 0 {
		return none
	}
	return int64(binary.BigEndian.Uint64(wide[:])) //nolint:gosec // the sign bit is 0
}

// topicName is a name that a topic can have, or "".
func topicName(value []byte) string {
	if len(value) == 0 || len(value) > maxTopic || string(value) == "." || string(value) == ".." {
		return ""
	}
	for _, c := range value {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		if !letter && c != '.' && c != '_' && c != '-' {
			return ""
		}
	}
	return string(value)
}

// internalTopic reports whether a topic holds what Kafka or this package remembers, to which no event belongs.
func internalTopic(name string) bool {
	return strings.HasPrefix(name, "__") || name == consumer.ReplaysTopic || name == MarksTopic
}

// springTopicsDiffer reports whether the headers of a Spring dead letter name topics besides the first and its retry and dead-letter topics.
// Whoever wrote the event may have put the first one.
func (d *Letter) springTopicsDiffer() bool {
	for _, h := range d.Raw {
		if (h.Key == springPrefix+"original-topic" || h.Key == springRetryPrefix+"original-topic") && !isSpringSideTopic(d.Origin.Topic, string(h.Value)) {
			return true
		}
	}
	return false
}

// isSpringSideTopic reports whether name is the topic, or one of its retry and dead-letter topics. Their suffixes can be chosen; those by default are -retry,
// -retry-0, -retry-1000, -dlt (org.springframework.kafka.retrytopic.RetryTopicConstants) and .DLT (DeadLetterPublishingRecoverer).
func isSpringSideTopic(topic, name string) bool {
	suffix, ok := strings.CutPrefix(name, topic)
	if !ok || suffix == "" {
		return ok
	}
	separator := func(c rune) bool { return c == '-' || c == '.' || c == '_' }
	if !separator(rune(suffix[0])) {
		return false
	}
	return slices.ContainsFunc(strings.FieldsFunc(suffix, separator), func(word string) bool {
		return strings.EqualFold(word, "retry") || strings.EqualFold(word, "dlt")
	})
}

// simpleClass is the name of a Java class without its package.
func simpleClass(value []byte) string {
	name := phrase.Clip(value, maxName)
	return name[strings.LastIndexByte(name, '.')+1:]
}

func joinWords(first, second string) string { return strings.TrimSpace(first + " " + second) }
