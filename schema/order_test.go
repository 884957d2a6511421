package schema

import (
	"testing"
	"time"
)

// order is a hand-written event of about 150 bytes, for tests and benchmarks.
type order struct {
	ID       string    `avro:"id"`
	Customer int64     `avro:"customer"`
	Email    string    `avro:"email"`
	Status   string    `avro:"status"`
	Total    float64   `avro:"total"`
	Quantity int32     `avro:"quantity"`
	Paid     bool      `avro:"paid"`
	Coupon   *string   `avro:"coupon"`
	Placed   time.Time `avro:"placed"`
	Tags     []string  `avro:"tags"`
	Address  string    `avro:"address"`
}

func (order) AvroSchema() string {
	return `{"type":"record","name":"shop.Order","fields":[
	{"name":"id","type":"string"},{"name":"customer","type":"long"},{"name":"email","type":"string"},
	{"name":"status","type":{"type":"enum","name":"Status","symbols":["NEW","PAID","SENT"]}},
	{"name":"total","type":"double"},{"name":"quantity","type":"int"},{"name":"paid","type":"boolean"},
	{"name":"coupon","type":["null","string"],"default":null},
	{"name":"placed","type":{"type":"long","logicalType":"timestamp-millis"}},
	{"name":"tags","type":{"type":"array","items":"string"}},
	{"name":"address","type":"string"}]}`
}

func sampleOrder() order {
	coupon := "SPRING-2026"
	return order{
		ID: "9b2f7d1c-5f0e-4a3c-8f5a-0123456789ab", Customer: 918273645, Email: "someone@example.com", Status: "PAID",
		Total: 129.95, Quantity: 3, Paid: true, Coupon: &coupon, Placed: time.UnixMilli(1767225600123).UTC(),
		Tags: []string{"gift", "express"}, Address: "12 Mill Lane, 4711 Headrace, Somewhere",
	}
}

func orderBytes(t testing.TB) []byte {
	t.Helper()
	enc, err := NewEncoder[order]()
	if err != nil {
		t.Fatal(err)
	}
	o := sampleOrder()
	body, err := enc.Append(nil, &o)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

func BenchmarkEncode(b *testing.B) {
	enc, err := NewEncoder[order]()
	if err != nil {
		b.Fatal(err)
	}
	o := sampleOrder()
	dst := orderBytes(b)
	b.SetBytes(int64(len(dst)))
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = enc.Append(dst[:0], &o)
	}
}

func BenchmarkGuard(b *testing.B) {
	s := mustParse(b, order{}.AvroSchema())
	body := orderBytes(b)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if err := s.Check(body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	dec, err := NewDecoder[order](nil)
	if err != nil {
		b.Fatal(err)
	}
	body := orderBytes(b)
	writer := dec.Schema()
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	var got order
	for b.Loop() {
		if err := dec.DecodeFrom(writer, body, &got); err != nil {
			b.Fatal(err)
		}
	}
}
