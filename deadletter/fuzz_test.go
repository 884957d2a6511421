package deadletter

import (
	"bytes"
	"testing"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/reader"
)

// FuzzDeadLetterFamilies reads headers of anybody's: key and value by turns, with 0xff between them.
func FuzzDeadLetterFamilies(f *testing.F) {
	for key := range foreignHeaders {
		f.Add([]byte(key + "\xff\x00\x00\x00\x02\xffkafka_original-topic\xfforders"))
	}
	f.Add([]byte(consumer.HeaderTopic + "\xfforders\xff" + consumer.HeaderGroup + "\xffmail\xff" + HeaderRedriveMark + "\xffr/0:1"))
	f.Fuzz(func(t *testing.T, text []byte) {
		parts := bytes.Split(text, []byte{0xff})
		var headers []headrace.Header
		for i := 0; i+1 < len(parts); i += 2 {
			headers = append(headers, headrace.Header{Key: string(parts[i]), Value: parts[i+1]})
		}
		d := letterOf(reader.Record{Topic: "dead", Time: buried, Headers: headers})
		if d.Origin.Partition < -1 || d.Origin.Offset < -1 || d.Attempts < 0 || len(d.Headers) > len(headers) || len(d.Origin.Topic) > maxTopic {
			t.Fatalf("read as %+v", d)
		}
		for _, h := range d.Headers {
			if d.Family.Owns(h.Key) {
				t.Fatalf("the header %q of a %s dead letter goes back with the event", h.Key, d.Family)
			}
		}
		_, _ = d.Cause(), d.unreturnable(true)
		if marks := (&marksRead{}).confirmed(&d); len(marks) != 0 {
			t.Fatalf("no mark confirms %v", marks)
		}
	})
}
