package batch

// Limits bound what one batch may cost its reader. A field that is zero or negative takes its default; one above 1 Gi counts
// as 1 Gi.
type Limits struct {
	// DecompressedBytes is the most a batch's records may take up after decompression. Defaults to 64 MiB.
	DecompressedBytes int
	// Ratio is how many times their compressed size the records may take up. The first MiB is free of it, since a
	// short run of equal bytes compresses almost without end. Defaults to 1000.
	Ratio int
	// Records is the most records in a batch. Defaults to 1 Mi.
	Records int
	// Headers is the most headers on a record. Defaults to 1000.
	Headers int
	// HeaderBytes is the most bytes a record's headers may take up, lengths included. Defaults to 1 MiB.
	HeaderBytes int
}

const (
	ratioFree = 1 << 20
	limitMax  = 1 << 30
)

func (l Limits) withDefaults() Limits {
	fill := func(field *int, value int) {
		if *field <= 0 {
			*field = value
		}
		*field = min(*field, limitMax)
	}
	fill(&l.DecompressedBytes, 64<<20)
	fill(&l.Ratio, 1000)
	fill(&l.Records, 1<<20)
	fill(&l.Headers, 1000)
	fill(&l.HeaderBytes, 1<<20)
	return l
}

// decompressed returns the limit that holds for compressed bytes of the given size, and the name of the field it is from.
func (l Limits) decompressed(compressed int) (limit int, name string, value int) {
	if byRatio := max(int64(compressed)*int64(l.Ratio), ratioFree); byRatio < int64(l.DecompressedBytes) {
		return int(byRatio), "Ratio", l.Ratio
	}
	return l.DecompressedBytes, "DecompressedBytes", l.DecompressedBytes
}
