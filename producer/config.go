package producer

import (
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/batch"
	"github.com/headrace/headrace/internal/sender"
	"github.com/headrace/headrace/schema/registry"
)

// Defaults of [Config].
const (
	DefaultLinger          = sender.DefaultLinger
	DefaultBatchBytes      = sender.DefaultBatchBytes
	DefaultBufferBytes     = sender.DefaultBufferBytes
	DefaultDeliveryTimeout = sender.DefaultDeliveryTimeout
)

// Config configures a [Producer]. Only Cluster is always required.
type Config struct {
	// Cluster is the Kafka cluster to send to.
	Cluster headrace.Cluster

	// Registry is where the schema ids of events come from. [For] needs one; [Producer.SendRecord] does not.
	Registry *registry.Client

	// AutoRegister registers the schema of an event that the registry does not know yet. It is meant for development: in
	// production a schema is registered by a reviewed change, and a producer only looks it up, which is the default.
	AutoRegister bool

	// Compression is the codec of record batches. Defaults to [NoCompression].
	Compression Compression

	// Linger is how long an event posted with Post waits for others to share its batch. It does not delay Send, nor a batch
	// that is full. Defaults to 5ms; a negative value means no wait at all.
	Linger time.Duration

	// BatchBytes is the largest record batch, before compression, and so the largest event: one that does not fit
	// fails alone with a [*TooLargeError]. So does one of 32 MiB, and one of more than 65,472 headers fails too, since no worker takes
	// them. Brokers refuse batches above message.max.bytes, 1048588 unless changed. Defaults to 1 MiB.
	BatchBytes int

	// BufferBytes bounds the memory of batches that are open, waiting or in flight. Defaults to 64 MiB; at least 2 × BatchBytes.
	BufferBytes int

	// FailWhenFull makes Send and Post fail with [ErrBufferFull] when BufferBytes are in use. The default is to wait
	// for room until the context ends.
	FailWhenFull bool

	// DeliveryTimeout is how long an accepted event is tried before it is given up as [Failed] or [Unknown]. Defaults to
	// 2 minutes.
	DeliveryTimeout time.Duration

	// TopicSuffix is appended to the name of every topic that is sent to; subjects keep the names without it. So a build that is tried out
	// beside production, on the same cluster, writes to topics of its own. The topics must exist: nothing goes where production reads
	// because one is missing. At most 100 letters, digits, dots, dashes and underscores; "" appends nothing.
	TopicSuffix string

	// Logger receives what no caller is told: retries, and failures of events posted without a callback. [headrace.SlogLogger] makes one
	// of a [log/slog] handler. Nil logs nothing.
	Logger *zap.Logger
}

// Validate reports every problem of c at once; nil means that [New] accepts it, apart from files that cannot be read.
func (c Config) Validate() error {
	var problems []error
	if err := c.Cluster.Validate(); err != nil {
		problems = append(problems, err)
	}
	if c.AutoRegister && c.Registry == nil {
		problems = append(problems, errors.New("AutoRegister needs a Registry"))
	}
	if len(c.TopicSuffix) > maxSuffix || !legalSuffix(c.TopicSuffix) {
		problems = append(problems, fmt.Errorf("TopicSuffix %.20q is not up to %d letters, digits, dots, dashes and underscores", c.TopicSuffix, maxSuffix))
	}
	if err := c.sender().Validate(); err != nil {
		problems = append(problems, err)
	}
	if len(problems) == 0 {
		return nil
	}
	return fmt.Errorf("producer: %w", errors.Join(problems...))
}

// maxSuffix leaves room for a name: a topic's is at most 249 long.
const maxSuffix = 100

func legalSuffix(suffix string) bool {
	for _, c := range suffix {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '-', c == '_':
		default:
			return false
		}
	}
	return true
}

func (c Config) sender() sender.Config {
	return sender.Config{
		Codec:           batch.Codec(c.Compression),
		Linger:          c.Linger,
		BatchBytes:      c.BatchBytes,
		BufferBytes:     c.BufferBytes,
		Headers:         batch.Headers - batch.CopyHeaders,
		RecordBytes:     batch.RecordBytes - batch.CopyBytes,
		FailWhenFull:    c.FailWhenFull,
		DeliveryTimeout: c.DeliveryTimeout,
		Logger:          c.Logger,
	}
}
