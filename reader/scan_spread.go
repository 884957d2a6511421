package reader

import "github.com/headrace/headrace"

// maxParts is how many parts of a partition a sample is made of at most. Each is a seek.
const maxParts = 16

// spread chooses about sample offsets of ranges, in rounds of at most one part per partition. Each partition has a part by its
// size, and its parts lie evenly from its start to its end. It reports whether anything is left out.
func spread(ranges []PartitionRange, sample int64) (rounds [][]PartitionRange, sampled bool) {
	total := int64(0)
	for _, r := range ranges {
		total += r.Len()
	}
	if total <= sample {
		return [][]PartitionRange{ranges}, false
	}
	rounds = make([][]PartitionRange, maxParts)
	for _, r := range ranges {
		length := r.Len()
		if length == 0 {
			continue
		}
		part := max(1, int64(float64(sample)*float64(length)/float64(total)))
		parts := min(part, maxParts)
		width := part / parts
		for i := range parts {
			from := r.From
			if parts > 1 {
				from += i * (length - width) / (parts - 1)
			}
			rounds[i] = append(rounds[i], PartitionRange{Partition: r.Partition, OffsetRange: headrace.OffsetRange{From: from, To: from + width}})
		}
	}
	n := 0
	for n < len(rounds) && len(rounds[n]) > 0 {
		n++
	}
	return rounds[:n], true
}
