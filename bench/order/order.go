// Package order is the event of the benchmarks: the same values as a hand-written type, which every contender encodes by
// reflection, and as a generated one.
package order

import (
	"fmt"
	"strings"
	"time"

	"github.com/headrace/headrace/systemtest/bench/order/orderavro"
)

//go:generate go -C ../.. run ./cmd/headrace schema gen --package orderavro --out bench/order/orderavro bench/order

// Schema is the Avro schema of both types.
func Schema() string { return orderavro.OrderPlaced{}.AvroSchema() }

// Order is the hand-written type.
type Order struct {
	OrderID   int64     `avro:"order_id"`
	Customer  string    `avro:"customer"`
	Product   string    `avro:"product"`
	Quantity  int32     `avro:"quantity"`
	UnitPrice float64   `avro:"unit_price"`
	Currency  string    `avro:"currency"`
	PlacedAt  time.Time `avro:"placed_at"`
	Paid      bool      `avro:"paid"`
	Note      string    `avro:"note"`
}

// AvroSchema returns the schema.
func (Order) AvroSchema() string { return Schema() }

// Customers is the number of distinct keys.
const Customers = 1_000

// Feed is a ring of ready-made events, so that making them costs the contenders nothing. It is small enough to stay in the processor's
// cache, where an event is that was just made.
type Feed struct {
	Hand      []Order
	Generated []orderavro.OrderPlaced
}

// NewFeed returns events of about size bytes when encoded, the same ones at every call.
func NewFeed(size int) Feed {
	events := 1 << 10 // a power of two, see At
	for events*size > 64<<20 {
		events /= 2
	}
	var f Feed
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range events {
		o := Order{
			OrderID: int64(i)*7919 + 1_000_000, Customer: fmt.Sprintf("customer-%06d", i*31%Customers),
			Product: fmt.Sprintf("product %05d of the range", i%500), Quantity: int32(i%9 + 1), UnitPrice: float64(i%10_000) / 100,
			Currency: "EUR", PlacedAt: base.Add(time.Duration(i) * time.Second), Paid: i%3 == 0,
		}
		const rest = 75 // bytes of the other fields
		o.Note = strings.Repeat("leave it at the door. ", size/22+1)[:max(size-rest, 0)]
		f.Hand = append(f.Hand, o)
		f.Generated = append(f.Generated, orderavro.OrderPlaced(o))
	}
	return f
}

// At returns the i-th index into the feed.
func (f Feed) At(i int) int { return i & (len(f.Hand) - 1) }
