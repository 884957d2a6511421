package reader

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestResolveEndsWithTheLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 2)
	w.pings("t", 0, 0, 10)
	w.pings("t", 1, 0, 3)
	for _, c := range []struct {
		span Range
		want []PartitionRange
	}{
		{Range{From: AtOffset(2), To: AtOffset(7)}, []PartitionRange{part(0, 2, 7), part(1, 2, 3)}},
		{Range{To: AtOffset(1000)}, []PartitionRange{part(0, 0, 10), part(1, 0, 3)}},
		{Range{From: AtOffset(5), To: AtOffset(1000)}, []PartitionRange{part(0, 5, 10), part(1, 5, 5)}},
		{Range{From: AtOffset(2)}, []PartitionRange{part(0, 2, -1), part(1, 2, -1)}},
	} {
		got, err := Resolve(t.Context(), w.cluster, "t", nil, c.span)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%v to %v (-want +got):\n%s", c.span.From, c.span.To, diff)
		}
		if c.span.To.IsZero() {
			continue
		}
		read := 0
		if err := Read(t.Context(), Config{Cluster: w.cluster, Topic: "t", Ranges: got}, func(Record) error { read++; return nil }); err != nil {
			t.Error(err)
		}
		if want := int(got[0].To - got[0].From + got[1].To - got[1].From); read != want {
			t.Errorf("%v to %v: read %d events, want %d", c.span.From, c.span.To, read, want)
		}
	}
}
