package kafka

// Murmur2 is the hash of a key in Kafka's Java client (org.apache.kafka.common.utils.Utils.murmur2): MurmurHash2, 32
// bit, seed 0x9747b28c, little endian.
func Murmur2(key []byte) uint32 {
	const m = 0x5bd1e995
	h := uint32(0x9747b28c) ^ uint32(len(key))
	for len(key) >= 4 {
		k := uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
		k *= m
		k ^= k >> 24
		k *= m
		h = h*m ^ k
		key = key[4:]
	}
	switch len(key) {
	case 3:
		h ^= uint32(key[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(key[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(key[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	h ^= h >> 15
	return h
}

// PartitionForKey returns the partition that Java's default partitioner gives a key in a topic of n partitions: the
// hash without its sign bit, modulo n. It returns 0 when n is not positive.
func PartitionForKey(key []byte, n int32) int32 {
	if n <= 0 {
		return 0
	}
	return int32(Murmur2(key)&0x7fffffff) % n
}
