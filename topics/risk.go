package topics

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/headrace/headrace/internal/project"
)

// settingRisks says what a change of a setting can cost.
func settingRisks(name, old, wanted string, usage *Usage) []string {
	switch name {
	case "retention.ms":
		if lessRetention(old, wanted) {
			_, keep := project.ShortSetting(name, wanted)
			return []string{fmt.Sprintf("events older than %s are deleted: %s", keep, olderThan(usage))}
		}
	case "retention.bytes":
		if lessRetention(old, wanted) {
			_, keep := project.ShortSetting(name, wanted)
			return []string{fmt.Sprintf("the oldest events beyond %s in each partition are deleted: %s", keep, beyond(usage))}
		}
	case "cleanup.policy":
		return cleanupRisks(old, wanted)
	case "min.insync.replicas":
		o, err1 := strconv.Atoi(old)
		w, err2 := strconv.Atoi(wanted)
		switch {
		case err1 != nil || err2 != nil:
		case w < o:
			return []string{"an acknowledged event is on fewer brokers, and lost when they are"}
		case w > o:
			return []string{"producers are refused while fewer replicas are in sync"}
		}
	case maxMessageBytes:
		o, err1 := strconv.ParseInt(old, 10, 64)
		w, err2 := strconv.ParseInt(wanted, 10, 64)
		if err1 == nil && err2 == nil && w < o {
			return []string{"producers of larger events are refused"}
		}
	case "unclean.leader.election.enable":
		if wanted == "true" && old != "true" {
			return []string{"acknowledged events may be lost when a broker that lags becomes leader"}
		}
	case "message.timestamp.type":
		return []string{"retention and look-ups by time go by another clock from here on"}
	}
	return nil
}

// cleanupRisks says what a change of the clean-up policy does to the events that are there.
func cleanupRisks(old, wanted string) []string {
	var risks []string
	had, has := listOf(old), listOf(wanted)
	if slices.Contains(has, "compact") && !slices.Contains(had, "compact") {
		risks = append(risks, "compaction keeps only the last event of each key, and events without a key are refused from here on")
	}
	if slices.Contains(has, "delete") && !slices.Contains(had, "delete") {
		risks = append(risks, "events older than the topic's retention are deleted, the last one of each key among them")
	}
	if slices.Contains(had, "delete") && !slices.Contains(has, "delete") {
		risks = append(risks, "retention no longer deletes anything: the topic grows with its keys")
	}
	return risks
}

func olderThan(u *Usage) string {
	switch {
	case u == nil:
		return "how many is not known"
	case u.Older == 0:
		return "none at the moment"
	}
	text := fmt.Sprintf("about %s of %s events", humanize.Comma(u.Older), humanize.Comma(u.Events))
	if u.Bytes >= 0 && u.Events > 0 {
		text += fmt.Sprintf(", %s of %s", size(int64(float64(u.Bytes)*float64(u.Older)/float64(u.Events))), size(u.Bytes))
	}
	return text
}

func beyond(u *Usage) string {
	switch {
	case u == nil || u.Bytes < 0:
		return "how many is not known"
	case u.Beyond == 0:
		return "none at the moment"
	}
	return fmt.Sprintf("about %s of %s", size(u.Beyond), size(u.Bytes))
}

func lostWith(u *Usage) string {
	switch {
	case u == nil:
		return "everything in it is lost; how much is not known"
	case u.Bytes < 0:
		return fmt.Sprintf("%s events are lost", humanize.Comma(u.Events))
	}
	return fmt.Sprintf("%s events are lost, %s", humanize.Comma(u.Events), size(u.Bytes))
}

func size(n int64) string { return humanize.Bytes(uint64(max(n, 0))) }

// movedKeys says how many keys go to another partition. A key is in partition hash mod n, so that of the hashes in one cycle of both
// counts, as many as the smaller count stay.
func movedKeys(from, to int, u *Usage) string {
	cycle := from / gcd(from, to) * to
	percent := 100 - 100*min(from, to)/cycle
	text := fmt.Sprintf("%d%% of the keys go to another partition, so that their order is broken between events before and after", percent)
	if u != nil && u.Events == 0 {
		return text + "; the topic is empty"
	}
	if u != nil {
		text += fmt.Sprintf("; it holds %s events", humanize.Comma(u.Events))
	}
	return text
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// sameList compares two of Kafka's lists without regard to order.
func sameList(a, b string) bool { return slices.Equal(listOf(a), listOf(b)) }

func listOf(text string) []string {
	var parts []string
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	slices.Sort(parts)
	return parts
}
