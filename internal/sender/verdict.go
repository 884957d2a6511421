package sender

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace/internal/kafka"
)

// verdict is what one answer means for a batch.
type verdict int8

const (
	acked        verdict = iota // appended, and replicated as acks=all asks
	again                       // send the same bytes again
	restamp                     // not appended, and cannot be under these numbers: other numbers, then again
	divide                      // not appended, too large: in smaller batches, then again
	dropRejected                // not appended, for some of its records: without these, then again
	rejected                    // certainly not appended, and will not be
	lost                        // may have been appended, and will not be sent again
)

// judge says what answer err means for a batch of records records, and whether it leaves a doubt: whether the broker may have appended
// the batch. doubt is whether an earlier attempt left one.
func judge(err error, doubt bool, records int) (verdict, bool) {
	if err == nil || errors.Is(err, kerr.DuplicateSequenceNumber) {
		return acked, false
	}
	if _, ok := errors.AsType[*unsentError](err); ok {
		if kafka.Retriable(err) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			return again, doubt
		}
		return final(doubt), doubt
	}
	if conn, ok := errors.AsType[*kafka.ConnError](err); ok && !conn.Sent {
		return again, doubt
	}
	code, coded := errors.AsType[*kerr.Error](err)
	if !coded {
		if !kafka.Retriable(err) && certain(err) {
			return final(doubt), doubt
		}
		return again, true
	}
	switch {
	case outOfSequence(code):
		if doubt {
			return lost, true
		}
		return restamp, false
	}
	switch code {
	case kerr.MessageTooLarge, kerr.RecordListTooLarge:
		if doubt || records == 1 {
			return final(doubt), doubt
		}
		return divide, false
	case kerr.NotEnoughReplicas, kerr.ThrottlingQuotaExceeded, kerr.CorruptMessage:
		return again, doubt
	}
	switch {
	case code.Retriable || code == kerr.BrokerNotAvailable:
		return again, true
	case code == kerr.UnknownServerError:
		return lost, true
	}
	return final(doubt), doubt
}

// outOfSequence reports whether err says that the broker's state of the producer is not ours, and that the batch was not appended.
func outOfSequence(err error) bool {
	for _, code := range []error{kerr.OutOfOrderSequenceNumber, kerr.UnknownProducerID, kerr.InvalidProducerEpoch, kerr.ProducerFenced} {
		if errors.Is(err, code) {
			return true
		}
	}
	return false
}

// certain reports whether err ends an exchange before a broker has read the request.
func certain(err error) bool {
	if errors.Is(err, kafka.ErrClosed) {
		return true
	}
	if _, ok := errors.AsType[*kafka.AuthError](err); ok {
		return true
	}
	_, ok := errors.AsType[*kafka.VersionError](err)
	return ok
}

func final(doubt bool) verdict {
	if doubt {
		return lost
	}
	return rejected
}
