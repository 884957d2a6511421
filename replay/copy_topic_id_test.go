package replay

import (
	"bytes"
	"errors"
	"fmt"
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
			if fetches.Add(1) == 2 {
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

// A target that is deleted and made anew under way does not hold what was written before. A copy never says that it is done then, also when
// others have filled the new topic beyond where the copy was.
func TestTargetMadeAnewUnderWayIsNoticed(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, raw bool) {
		w := newCopyWorld(t, 1)
		for i := range 2 {
			w.put(w.client, &kgo.Record{Topic: copySource, Value: fmt.Append(nil, "event ", i)})
		}
		var writes atomic.Int32
		w.broker.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
			w.broker.KeepControl()
			if writes.Add(1) == 2 {
				w.broker.SleepControl(func() {
					if err := errors.Join(w.broker.DeleteTopic(copyTarget), w.broker.CreateTopic(copyTarget, 1, nil)); err != nil {
						t.Error(err)
					}
					for i := range 5 {
						w.put(w.client, &kgo.Record{Topic: copyTarget, Value: fmt.Append(nil, "of another ", i)})
					}
				})
			}
			return nil, nil, false
		})
		cfg := w.config(w.plan(raw))
		cfg.pace.batch = 1
		out, err := Copy(t.Context(), cfg)
		stale, ok := errors.AsType[*StaleError](err)
		if !ok || stale.Change != TopicRecreated || stale.Topic != copyTarget || out.Done {
			t.Errorf("outcome is %+v, error %v, want topic %s recreated", out, err, copyTarget)
		}
	})
}
