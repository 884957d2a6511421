package sender

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// TestOutageIsLoggedOnceInAWhile has a broker refuse a batch several times: the first repeated failure is a warning, the others are details.
func TestOutageIsLoggedOnceInAWhile(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zap.DebugLevel)
	c := fakeCluster(t, 1)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.NotEnoughReplicas, Count: 4})
	s := open(t, c, Config{Logger: zap.New(core)})
	got := make(results, 1)
	if err := s.Append(within(t, time.Minute), s.Topic(topic), record("k", "v"), got); err != nil {
		t.Fatal(err)
	}
	if r := got.next(t); r.Outcome != Acked {
		t.Fatalf("result %v", r)
	}
	failed := logs.FilterMessage("produce attempt failed")
	warned := failed.FilterLevelExact(zap.WarnLevel).Len()
	if failed.Len() != 4 || warned != 1 || failed.All()[1].Level != zap.WarnLevel {
		t.Errorf("%d failed attempts logged, %d of them as warnings", failed.Len(), warned)
	}
}
