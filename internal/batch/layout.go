package batch

// Where the fields of a batch header lie. The CRC covers everything from the attributes on, so that a broker may set
// the base offset and the leader epoch without computing it again.
const (
	lengthAt          = 8
	leaderEpochAt     = 12
	magicAt           = 16
	crcAt             = 17
	attributesAt      = 21
	lastOffsetDeltaAt = 23
	baseTimestampAt   = 27
	maxTimestampAt    = 35
	producerIDAt      = 43
	producerEpochAt   = 51
	baseSequenceAt    = 53
	countAt           = 57

	// HeaderSize is the number of bytes in front of a batch's records.
	HeaderSize = 61

	// frameSize is what precedes the bytes that a batch's length field counts.
	frameSize = 12
	// minLegacyLength is the shortest length a message of magic 0 can claim: CRC, magic, attributes, two null lengths.
	minLegacyLength = 14
	// magic is the one message format this package speaks, written by every broker since 0.11.
	magic = 2
)

// Bits of the attributes field.
const (
	codecMask        = 0x07
	logAppendTimeBit = 0x08
	transactionalBit = 0x10
	controlBit       = 0x20
)
