package deadletter

import (
	"strings"
	"testing"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/reader"
)

func TestHeadersDoNotChooseAnyTopic(t *testing.T) {
	t.Parallel()
	own := func(topic string, more ...headrace.Header) []headrace.Header {
		return append([]headrace.Header{header(consumer.HeaderTopic, topic), header(consumer.HeaderKind, "handler")}, more...)
	}
	spring := func(topics ...string) (headers []headrace.Header) {
		for _, topic := range topics {
			headers = append(headers, header("kafka_dlt-original-topic", topic))
		}
		return headers
	}
	group, copied := header(consumer.HeaderGroup, "mail"), header(consumer.HeaderReplay, "replay-1")
	for _, test := range []struct {
		name    string
		headers []headrace.Header
		why     string // "" returns it
	}{
		{"own", own("orders", group), ""},
		{"offsets of groups", own("__consumer_offsets", group), "an internal topic"},
		{"audit", own(consumer.ReplaysTopic, group), "an internal topic"},
		{"marks", own(MarksTopic, group), "an internal topic"},
		{"spring", spring("orders"), ""},
		{"spring's side topics", spring("orders", "orders-retry-0", "orders-retry-1", "orders-dlt", "orders.DLT", "orders-mail-retry"), ""},
		{"spring, the same again", spring("orders", "orders"), ""},
		{"spring, another topic first", spring("billing", "orders"), "several topics"},
		{"spring, another topic last", spring("orders", "orders-retry-0", "billing"), "several topics"},
		{"spring, a beginning of the topic first", spring("order", "orders-retry-0"), "several topics"},
		{"spring, another topic with the beginning", spring("orders", "orders-archive"), "several topics"},
		{"spring, no topic first", spring("?", "orders"), "several topics"},
		{"of a copy", own("orders", copied), "made by a copy"},
		{"of a handler that was given a copied event", own("orders", copied, group), ""},
		{"a reference", own("orders", group, header(consumer.HeaderReference, "orders/3@41")), ""},
		{"a reference to a retry copy", own("orders", group, header(consumer.HeaderReference, "orders.mail.retry.1m/3@41")), ""},
		{"a reference elsewhere", own("orders", group, header(consumer.HeaderReference, "billing/3@41")), "of another topic"},
		{"a reference to nothing", own("orders", group, header(consumer.HeaderReference, "orders/3")), "makes no sense"},
		{"a record that cannot be read", own("orders", group, header(consumer.HeaderKind, "record"), header(consumer.HeaderReference, "orders/3@41")), "over a limit"},
		{"of streams, and a copied event", []headrace.Header{copied, header("__streams.errors.topic", "orders")}, ""},
	} {
		d := letterOf(reader.Record{Topic: "dead", Key: []byte("k"), Value: []byte("v"), Headers: test.headers})
		if why := d.unreturnable(false); (why == "") != (test.why == "") || !strings.Contains(why, test.why) {
			t.Errorf("%s: %q, want %q", test.name, why, test.why)
		}
	}
}
