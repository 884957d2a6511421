package assign

import "github.com/twmb/franz-go/pkg/kbin"

// The bytes here come from other members. An array's count is their claim, so slices grow with the elements that are
// there and not by it.

func readTopics(b *kbin.Reader) []string {
	var topics []string
	for n := b.ArrayLen(); n > 0; n-- {
		topic := b.String()
		if !b.Ok() {
			break
		}
		topics = append(topics, topic)
	}
	return topics
}

// readPartitions reads an array of topics, each with an array of partition ids.
func readPartitions(b *kbin.Reader) []Partition {
	var partitions []Partition
	for n := b.ArrayLen(); n > 0 && b.Ok(); n-- {
		topic := b.String()
		for ids := b.ArrayLen(); ids > 0; ids-- {
			id := b.Int32()
			if !b.Ok() {
				break
			}
			partitions = append(partitions, Partition{topic, id})
		}
	}
	return partitions
}
