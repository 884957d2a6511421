package cli

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/schema"
)

// envelope is an event with what Kafka knows about it: what `consume --meta` prints and `produce --meta` reads. Keys and
// header values are text where they are UTF-8 and base64 where they are not; null stays null.
type envelope struct {
	Partition int32            `json:"partition"`
	Offset    int64            `json:"offset"`
	Time      string           `json:"time,omitempty"`
	Key       *string          `json:"key"`
	KeyBase64 []byte           `json:"key_base64,omitempty"`
	Headers   []envelopeHeader `json:"headers,omitempty"`
	SchemaID  int              `json:"schema_id,omitempty"`
	GUID      string           `json:"schema_guid,omitempty"`
	Event     string           `json:"event,omitempty"`
	Value     json.RawMessage  `json:"value"`
}

type envelopeHeader struct {
	Key         string  `json:"key"`
	Value       *string `json:"value"`
	ValueBase64 []byte  `json:"value_base64,omitempty"`
}

// timeLayout has the milliseconds Kafka keeps, and no more.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// envelopeOf wraps value, the event as JSON. writer is nil for a tombstone.
func envelopeOf(r reader.Record, ref schema.Ref, writer *schema.Schema, value []byte) envelope {
	e := envelope{Partition: r.Partition, Offset: r.Offset, Time: r.Time.UTC().Format(timeLayout), Value: value}
	e.Key, e.KeyBase64 = textOrBytes(r.Key)
	for _, h := range r.Headers {
		text, raw := textOrBytes(h.Value)
		e.Headers = append(e.Headers, envelopeHeader{Key: h.Key, Value: text, ValueBase64: raw})
	}
	if writer == nil {
		return e
	}
	e.Event = writer.FullName()
	if ref.ByGUID {
		e.GUID = ref.GUID.String()
	} else {
		e.SchemaID = ref.ID
	}
	return e
}

// record is the envelope without its value, as a record to produce. Partition and offset are those of another log and
// are left out.
func (e envelope) record() (producer.Record, error) {
	r := producer.Record{Key: bytesOf(e.Key, e.KeyBase64)}
	if e.Time != "" {
		at, err := time.Parse(time.RFC3339Nano, e.Time)
		if err != nil {
			return r, fmt.Errorf("time: %w", err)
		}
		r.Time = at
	}
	for _, h := range e.Headers {
		r.Headers = append(r.Headers, headrace.Header{Key: h.Key, Value: bytesOf(h.Value, h.ValueBase64)})
	}
	return r, nil
}

func textOrBytes(b []byte) (*string, []byte) {
	if b == nil {
		return nil, nil
	}
	if !utf8.Valid(b) {
		return nil, b
	}
	text := string(b)
	return &text, nil
}

func bytesOf(text *string, raw []byte) []byte {
	if text != nil {
		return []byte(*text)
	}
	return raw
}
