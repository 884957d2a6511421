package sender

import (
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace/internal/batch"
)

// Defaults of [Config].
const (
	DefaultLinger          = 5 * time.Millisecond
	DefaultBatchBytes      = 1 << 20
	DefaultBufferBytes     = 64 << 20
	DefaultDeliveryTimeout = 2 * time.Minute
)

// minBatchBytes leaves room for a batch's header and a record worth the name.
const minBatchBytes = 1 << 10

// Config configures a [Sender]. Zero fields take their defaults.
type Config struct {
	Codec           batch.Codec
	Linger          time.Duration // how long a record waits for others; defaults to 5ms, negative means not at all
	BatchBytes      int           // largest batch before compression, header included; defaults to 1 MiB
	BufferBytes     int           // bound of the memory of open, waiting and travelling batches; defaults to 64 MiB
	Headers         int           // a record's most; defaults to batch.Headers
	RecordBytes     int           // largest record; defaults to batch.RecordBytes and what a copy may gain
	LargeCodec      batch.Codec   // for a record that the broker refuses for its size as it is; None leaves it refused
	FailWhenFull    bool          // fail with ErrBufferFull instead of waiting for room
	DeliveryTimeout time.Duration // from a batch's first record until it is given up; defaults to 2 minutes
	Logger          *zap.Logger   // receives retries and unreported failures; nil logs nothing
}

// Validate reports every problem of c at once. Names are those of the fields, which public configurations share.
func (c Config) Validate() error {
	c = c.withDefaults()
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if c.Codec < batch.None || c.Codec > batch.Zstd {
		problem("Compression %d is not a codec of Kafka", c.Codec)
	}
	if c.BatchBytes < minBatchBytes || c.BatchBytes > 1<<30 {
		problem("BatchBytes %d is not between %d and %d", c.BatchBytes, minBatchBytes, 1<<30)
	}
	if c.BufferBytes < 2*c.BatchBytes {
		problem("BufferBytes %d is less than two batches of BatchBytes %d", c.BufferBytes, c.BatchBytes)
	}
	if c.DeliveryTimeout < 0 {
		problem("DeliveryTimeout %v is negative", c.DeliveryTimeout)
	} else if c.Linger >= c.DeliveryTimeout {
		problem("Linger %v is not below DeliveryTimeout %v", c.Linger, c.DeliveryTimeout)
	}
	return errors.Join(problems...)
}

func (c Config) withDefaults() Config {
	if c.Linger == 0 {
		c.Linger = DefaultLinger
	}
	if c.BatchBytes == 0 {
		c.BatchBytes = DefaultBatchBytes
	}
	if c.BufferBytes == 0 {
		c.BufferBytes = DefaultBufferBytes
	}
	if c.DeliveryTimeout == 0 {
		c.DeliveryTimeout = DefaultDeliveryTimeout
	}
	if c.Headers == 0 {
		c.Headers = batch.Headers
	}
	if c.RecordBytes == 0 {
		c.RecordBytes = batch.RecordBytes + batch.CopyBytes
	}
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	return c
}
