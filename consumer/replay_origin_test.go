package consumer

import (
	"testing"

	"github.com/headrace/headrace"
)

func TestOriginIsReadBack(t *testing.T) {
	t.Parallel()
	info := Info{Topic: "a.b-c_d", Partition: 7, Offset: 1 << 40}
	if at, err := ParseOrigin(info.Origin()); err != nil || at != (headrace.Location{Topic: "a.b-c_d", Partition: 7, Offset: 1 << 40}) {
		t.Errorf("%s is read as %v, %v", info.Origin(), at, err)
	}
	for _, bad := range []string{"", "t", "t/1", "/1/2", "t/-1/2", "t/1/-2", "t/x/2", "t/1/2/3", "t/4294967296/2"} {
		if at, err := ParseOrigin(bad); err == nil {
			t.Errorf("%q is read as %v", bad, at)
		}
	}
}
