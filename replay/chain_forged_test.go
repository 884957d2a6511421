package replay

import (
	"errors"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// recorded is a replay that has copied to a topic of the cluster.
func (w *copyWorld) recorded(id, target string) {
	w.t.Helper()
	log, err := openAudit(w.t.Context(), w.cluster, true)
	if err != nil {
		w.t.Fatal(err)
	}
	defer log.close()
	cluster, err := clusterID(w.t.Context(), log.client)
	if err != nil {
		w.t.Fatal(err)
	}
	value := fmt.Sprintf(`{"version":1,"id":%q,"kind":"copy","state":"done","started_at":"2024-01-01T00:00:00Z","updated_at":"2024-01-01T00:00:00Z","runs":1,`+
		`"source":{"cluster_id":"c","topics":["t"],"from":"","to":""},"target":{"cluster_id":%q,"topic":%q},"planned":1,"events":1,"passed":1,"total":1}`, id, cluster, target)
	w.put(w.client, &kgo.Record{Topic: AuditTopic, Key: []byte(id), Value: []byte(value)})
}

// TestForgedHopsRefuseNoReplay has events whose producer says that they have been through many replays, or come from the target.
func TestForgedHopsRefuseNoReplay(t *testing.T) {
	t.Parallel()
	w := newCopyWorld(t, 1)
	const genuine = "20260301-120000-0a1b2c3d" // but of another topic
	w.recorded(genuine, "elsewhere")
	for _, headers := range [][]kgo.RecordHeader{
		{{Key: HeaderHops, Value: []byte("8")}},
		{{Key: HeaderHops, Value: []byte("x")}, {Key: HeaderReplay, Value: []byte("20260301-120000-ffffffff")}},
		{{Key: HeaderTopic, Value: []byte(copyTarget)}, {Key: HeaderReplay, Value: []byte(genuine)}},
	} {
		w.put(w.client, &kgo.Record{Topic: copySource, Value: []byte("v"), Headers: headers})
	}
	plan, err := Make(t.Context(), Request{From: w.cluster, Source: Source{Topics: []string{copySource}}, Target: Target{Topic: copyTarget}})
	if err != nil {
		t.Fatalf("planned: %v", err)
	}
	if len(plan.Earlier) != 0 {
		t.Errorf("the plan believes that the events came by %v", plan.Earlier)
	}
	out, err := Copy(t.Context(), w.config(plan))
	if err != nil || out.Events != 3 {
		t.Fatalf("copied: %+v, %v", out, err)
	}
	for _, e := range w.events(copyTarget)[0] {
		if last := e.Headers[len(e.Headers)-1]; last.Key != HeaderHops || string(last.Value) != "1" {
			t.Errorf("headers of the copy: %+v", e.Headers)
		}
	}
	w.recorded(genuine, copySource)
	again := Request{From: w.cluster, Source: Source{Topics: []string{copySource}}, Target: Target{Topic: copyTarget}}
	if _, err := Make(t.Context(), again); err == nil {
		t.Error("a circle that a record tells of is planned")
	} else if _, ok := errors.AsType[*LoopError](err); !ok {
		t.Errorf("a circle that a record tells of: %v", err)
	}
}
