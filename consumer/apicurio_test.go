package consumer

import (
	"strings"
	"testing"

	"github.com/headrace/headrace/reader"
)

// TestEightByteIDsAreNamedInEveryError has a value of an Apicurio serializer with its default id handler.
func TestEightByteIDsAreNamedInEveryError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.topic("t", 1, false)
	value := append([]byte{0, 0, 0, 0, 0, 0, 0, 0, pingID}, pingValue(1, "w")[5:]...)
	w.put("t", 0, rec{value: value})
	var seen sink
	err := w.start(w.config("t"), On(seen.handle)).wait()
	const says = "8-byte id 1 of an Apicurio serializer"
	if failed := asError[*DecodeError](t, err); failed == nil || !strings.Contains(err.Error(), says) {
		t.Errorf("the worker ended with %v", err)
	}
	scan, err := reader.Scan(t.Context(), reader.ScanConfig{Read: reader.Config{Cluster: w.cluster, Topic: "t"}})
	if err != nil || scan.Foreign.Events != 1 || !strings.Contains(scan.Foreign.Reason, says) {
		t.Errorf("scanned %+v, %v", scan, err)
	}
}
