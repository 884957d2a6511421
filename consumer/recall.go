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

// recall reads what the group remembers of the partition. Metadata that is not this package's, or not of this log, is as good as none. It
// returns false when the group has no offset of the partition, or one of a topic that is gone.
func (p *partition) recall() bool {
	r := &p.recalled
	if r.offset < 0 {
		return false
	}
	var err error
	r.note, err = progress.Decode(p.kafkaLog, r.offset, r.metadata)
	p.began = r.note.Partitions
	if other, ok := errors.AsType[*progress.OtherTopicError](err); ok {
		p.engine.announce(p.Topic, other.Topic, p.kafkaLog.Topic)
		return false
	}
	switch {
	case errors.Is(err, progress.ErrForeign):
		p.log().Info("commit metadata ignored", zap.Error(err))
	case err != nil:
		p.log().Warn("commit metadata ignored: events finished beyond the committed offset are handled again", zap.Error(err))
	}
	return true
}
