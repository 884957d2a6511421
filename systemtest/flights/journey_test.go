package flights

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/examples/flights"
	"github.com/headrace/headrace/examples/flights/events"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/internal/check"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// rowHeader carries the index of the event's row.
const rowHeader = "row"

// journey is one run of the file through one cluster.
type journey struct {
	rows     []flights.Row
	cluster  *kraft.Cluster
	registry *registry.Client

	log     check.Log
	numbers []int // by row: the event's number within its key

	mu                                  sync.Mutex
	cancelled, diverted, arrived, wrong int
	partition                           map[string]int32
	firstRefusal                        error
}

// send publishes the rows in their order and returns when Kafka has acknowledged each.
func (j *journey) send(t *testing.T) {
	t.Helper()
	p := stack.Producer(t, producer.Config{
		Cluster: stack.Cluster(j.cluster), Registry: j.registry, Compression: producer.LZ4,
	})
	topics := struct {
		arrived   *producer.Topic[events.FlightArrived]
		cancelled *producer.Topic[events.FlightCancelled]
		diverted  *producer.Topic[events.FlightDiverted]
	}{
		producer.For[events.FlightArrived](p, flights.Topic, producer.WithTopicRecordName()),
		producer.For[events.FlightCancelled](p, flights.Topic, producer.WithTopicRecordName()),
		producer.For[events.FlightDiverted](p, flights.Topic, producer.WithTopicRecordName()),
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	j.numbers = make([]int, len(j.rows))
	for i, row := range j.rows {
		number := j.log.Next(row.Key)
		j.numbers[i] = number
		done := func(_ headrace.Location, err error) {
			if err != nil {
				j.refused(i, err)
				return
			}
			j.log.Ended(row.Key, number, check.Acked)
		}
		at, header := producer.At(row.Time), producer.WithHeader(rowHeader, rowToHeader(i))
		switch e := row.Event.(type) {
		case events.FlightArrived:
			topics.arrived.Post(ctx, row.Key, e, done, at, header)
		case events.FlightCancelled:
			topics.cancelled.Post(ctx, row.Key, e, done, at, header)
		case events.FlightDiverted:
			topics.diverted.Post(ctx, row.Key, e, done, at, header)
		}
	}
	if err := p.Flush(ctx); err != nil {
		t.Fatalf("flush: %v", err)
	}
	if j.firstRefusal != nil {
		t.Fatal(j.firstRefusal)
	}
}

func (j *journey) refused(row int, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.firstRefusal == nil {
		j.firstRefusal = fmt.Errorf("row %d: %w", row, err)
	}
}

// handle runs a worker until it has handled as many events as there are rows.
func (j *journey) handle(t *testing.T) {
	t.Helper()
	j.partition = map[string]int32{}
	w := stack.Work(t, consumer.Config{
		Cluster: stack.Cluster(j.cluster), Registry: j.registry, Group: "flights-test", Topics: []string{flights.Topic},
	},
		consumer.On(func(ctx context.Context, e events.FlightArrived) error { return j.got(ctx, e, &j.arrived) }),
		consumer.On(func(ctx context.Context, e events.FlightCancelled) error { return j.got(ctx, e, &j.cancelled) }),
		consumer.On(func(ctx context.Context, e events.FlightDiverted) error { return j.got(ctx, e, &j.diverted) }),
	)
	w.Until(t, 2*time.Minute, "every flight is handled", func() bool { return w.Stats().Handled >= int64(len(j.rows)) })
	if err := w.Stop(); err != nil {
		t.Errorf("worker: %v", err)
	}
}

func (j *journey) got(ctx context.Context, event schema.Event, count *int) error {
	info := consumer.InfoFrom(ctx)
	row := headerToRow(info.Headers)
	j.mu.Lock()
	defer j.mu.Unlock()
	*count++
	j.partition[info.Key] = info.Partition
	if row < 0 || row >= len(j.rows) || !reflect.DeepEqual(j.rows[row].Event, event) || !j.rows[row].Time.Equal(info.Time) {
		j.wrong++
		return nil
	}
	j.log.Seen(info.Key, j.numbers[row])
	return nil
}

// rowToHeader is text, because kcat prints headers as text.
func rowToHeader(row int) []byte { return strconv.AppendInt(nil, int64(row), 10) }

func headerToRow(headers []headrace.Header) int {
	if len(headers) != 1 || headers[0].Key != rowHeader {
		return -1
	}
	row, err := strconv.Atoi(string(headers[0].Value))
	if err != nil {
		return -1
	}
	return row
}
