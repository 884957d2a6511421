package batch

// The limits of what is read, moved and sent are one table, so that they agree: what a broker has taken can be read and moved record by
// record, and what a copy gains does not take it over the limit of who reads the copy.
//
//	FetchBytes      a batch as it lies in the log
//	WholeBytes      a batch's records that are decompressed at once; those of a larger one are decompressed as they are read
//	UnstreamedBytes records in a form that can only be decompressed at once
//	RecordBytes     a record that is given to a handler, or copied
//	ReadBytes       a record that is read by itself, to be shown or returned
//	Headers         a record's headers
//	CopyHeaders     headers that a copy may have beside those of its record: a producer's records have so many fewer
//	CopyBytes       bytes that these may take
//
// A record that is over a limit costs itself and not the batch: [Reader.Next] tells of it and goes on behind it. Batches have no limit for
// their decompressed size but Kafka's own, 2 GiB, and no ratio: a batch of equal events compresses almost without end.
const (
	FetchBytes      = 96 << 20 // below Kafka's socket.request.max.bytes, 100 MiB, which is the largest batch that a producer gets in
	WholeBytes      = 8 << 20
	UnstreamedBytes = 64 << 20
	RecordBytes     = 32 << 20 // twice what the schema package decodes
	ReadBytes       = 96 << 20
	Headers         = 1 << 16
	CopyHeaders     = 64
	CopyBytes       = 64 << 10
)

// Limits bound what one batch may cost its reader. A field that is zero or negative takes its default; one above 1 Gi counts
// as 1 Gi.
type Limits struct {
	// DecompressedBytes is the most that is decompressed at once. Defaults to WholeBytes.
	DecompressedBytes int
	// RecordBytes is the most one record may take up. Defaults to the constant of this name.
	RecordBytes int
}

const limitMax = 1 << 30

func (l Limits) withDefaults() Limits {
	fill := func(field *int, value int) {
		if *field <= 0 {
			*field = value
		}
		*field = min(*field, limitMax)
	}
	fill(&l.DecompressedBytes, WholeBytes)
	fill(&l.RecordBytes, RecordBytes)
	return l
}
