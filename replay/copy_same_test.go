package replay

import (
	"bytes"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A source topic that is deleted and made anew under way holds other events at the offsets of the plan. They are not copied as those.
func TestSourceMadeAnewUnderWayIsNoticed(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, raw bool) {
		w := newCopyWorld(t, 1)
		fill := func(letter string) {
			client := w.writer(kgo.ProducerBatchCompression(kgo.NoCompression()))
			for range 12 { // more than one answer holds
				w.put(client, &kgo.Record{Topic: copySource, Value: bytes.Repeat([]byte(letter), 900<<10)})
			}
		}
		fill("a")
		plan := w.plan(raw)
		var fetches atomic.Int32
		w.broker.ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
			w.broker.KeepControl()
			if request.(*kmsg.FetchRequest).Topics[0].Topic == copySource && fetches.Add(1) == 2 {
				w.broker.SleepControl(func() {
					if err := errors.Join(w.broker.DeleteTopic(copySource), w.broker.CreateTopic(copySource, 1, nil)); err != nil {
						t.Error(err)
					}
					fill("b")
				})
			}
			return nil, nil, false
		})
		out, err := Copy(t.Context(), w.config(plan))
		stale, ok := errors.AsType[*StaleError](err)
		if !ok || stale.Change != TopicRecreated || stale.Topic != copySource || out.Done {
			t.Errorf("outcome is %+v, error %v, want topic %s recreated", out, err, copySource)
		}
		for _, r := range w.events(copyTarget)[0] {
			if r.Value[0] != 'a' {
				t.Errorf("the target holds an event of the new topic")
			}
		}
	})
}
