package replay

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// openTransaction leaves a transaction open in a topic.
func (w *copyWorld) openTransaction(topic string) {
	w.t.Helper()
	client := w.writer(kgo.TransactionalID("foreign"))
	if err := client.BeginTransaction(); err != nil {
		w.t.Fatal(err)
	}
	w.put(client, &kgo.Record{Topic: topic, Key: []byte("foreign"), Value: []byte("{}")})
}

func TestAuditTopicIsReadBehindAnOpenTransaction(t *testing.T) {
	t.Parallel()
	w, cfg := newAuditedCopy(t, 20)
	w.copy(cfg)
	w.openTransaction(AuditTopic)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if _, err := Copy(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	history, err := List(ctx, w.cluster)
	if err != nil || len(history.Replays) != 1 || history.Replays[0].Runs != 2 {
		t.Errorf("%+v, %v", history, err)
	}
}

func TestAuditTopicThatHasLostItsBeginningIsRead(t *testing.T) {
	t.Parallel()
	w, cfg := newAuditedCopy(t, 20)
	w.copy(cfg)
	request := kmsg.NewPtrDeleteRecordsRequest()
	request.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: AuditTopic, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Offset: 1}}}}
	response, err := w.client.Broker(0).Request(t.Context(), request)
	if err != nil || response.(*kmsg.DeleteRecordsResponse).Topics[0].Partitions[0].ErrorCode != 0 {
		t.Fatal(response, err)
	}
	if a := w.status(copyID); a.State != StateDone {
		t.Errorf("record is %+v", a)
	}
}

func TestAuditTopicThatForgetsIsRefused(t *testing.T) {
	t.Parallel()
	w, cfg := newAuditedCopy(t, 20)
	if err := w.broker.CreateTopic(AuditTopic, 1, nil); err != nil {
		t.Fatal(err)
	}
	_, err := Copy(t.Context(), cfg)
	if _, ours := errors.AsType[*AuditError](err); !ours || !strings.Contains(err.Error(), "cleanup.policy=delete") {
		t.Errorf("got %v", err)
	}
	if got := w.events(copyTarget)[0]; len(got) != 0 {
		t.Errorf("%d events were copied all the same", len(got))
	}
}
