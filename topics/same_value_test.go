package topics

import "testing"

// TestEqualNumbersAreNoChange has what a file says and what Kafka answers with.
func TestEqualNumbersAreNoChange(t *testing.T) {
	t.Parallel()
	const ratio = "min.cleanable.dirty.ratio"
	for _, same := range [][2]string{{"0.50", "0.5"}, {"1", "1.0"}, {"0", "0.0"}, {"0.0001", "1.0E-4"}} {
		if !sameValue(ratio, same[0], same[1]) {
			t.Errorf("%s and %s are two values", same[0], same[1])
		}
	}
	for _, other := range [][3]string{{ratio, "0.5", "0.51"}, {ratio, "0.5", ""}, {"compression.type", "1", "1.0"}} {
		if sameValue(other[0], other[1], other[2]) {
			t.Errorf("%s: %s and %s are one value", other[0], other[1], other[2])
		}
	}
}
