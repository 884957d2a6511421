package consumer

import (
	"errors"

	"go.uber.org/zap"

	"github.com/headrace/headrace/consumer/internal/progress"
)

// recalled is what the group has of a partition: an offset, -1 for none, and metadata, which is also a note.
type recalled struct {
	offset   int64
	metadata string
	note     progress.Note
}

// recall reads what the group remembers of the partition beside its offset. Metadata that is not this package's, or not of this log, is as
// good as none. It returns true when the note claims something of the log, whose end is to be asked for.
func (p *partition) recall() bool {
	r := &p.recalled
	var err error
	r.note, err = progress.Decode(p.kafkaLog(), r.offset, r.metadata)
	switch {
	case errors.Is(err, progress.ErrForeign):
		p.log().Info("metadata of the last commit is not taken", zap.Error(err))
	case err != nil:
		p.log().Warn("metadata of the last commit is not taken: what was done beyond its offset is handled again", zap.Error(err))
	}
	return r.note.Mark != progress.Mark{} || len(r.note.Done.Beyond()) > 0
}

// kafkaLog is the log that the partition's offsets belong to.
func (p *partition) kafkaLog() progress.Log {
	return progress.Log{Topic: p.topicID, Partition: p.Partition}
}
