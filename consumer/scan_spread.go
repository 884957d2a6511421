package consumer

// maxStretches is how many stretches of a partition a sample is made of at most. Each is a seek.
const maxStretches = 16

// spread chooses about sample offsets of ranges, in rounds of at most one stretch per partition. Each partition has a part by its
// size, and its stretches lie evenly from its start to its end. It reports whether anything is left out.
func spread(ranges []PartitionRange, sample int64) (rounds [][]PartitionRange, sampled bool) {
	total := int64(0)
	for _, r := range ranges {
		total += r.To - r.From
	}
	if total <= sample {
		return [][]PartitionRange{ranges}, false
	}
	rounds = make([][]PartitionRange, maxStretches)
	for _, r := range ranges {
		length := r.To - r.From
		if length == 0 {
			continue
		}
		part := max(1, int64(float64(sample)*float64(length)/float64(total)))
		stretches := min(part, maxStretches)
		width := part / stretches
		for i := range stretches {
			from := r.From
			if stretches > 1 {
				from += i * (length - width) / (stretches - 1)
			}
			rounds[i] = append(rounds[i], PartitionRange{Partition: r.Partition, From: from, To: from + width})
		}
	}
	n := 0
	for n < len(rounds) && len(rounds[n]) > 0 {
		n++
	}
	return rounds[:n], true
}
