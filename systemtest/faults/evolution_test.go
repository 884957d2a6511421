package faults

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/google/go-cmp/cmp"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/internal/stack"
)

// order is how an event's schema may change: the fields of the record named Order.
func order(fields string) string {
	return `{"type": "record", "name": "Order", "namespace": "systemtest", "fields": [` + fields + `]}`
}

// The reader's types, one per version.
type (
	orderID struct {
		ID int64 `avro:"id"`
	}
	orderNote struct {
		ID   int64  `avro:"id"`
		Note string `avro:"note"`
	}
	orderClient struct {
		Client string `avro:"client"`
	}
	orderPrice struct {
		Price float64 `avro:"price"`
	}
	orderText struct {
		Text string `avro:"text"`
	}
	orderBytes struct {
		Text []byte `avro:"text"`
	}
	orderState struct {
		State string `avro:"state"`
	}
	orderMaybe struct {
		Text *string `avro:"text"`
	}
)

func (orderID) AvroSchema() string { return order(`{"name": "id", "type": "long"}`) }
func (orderNote) AvroSchema() string {
	return order(`{"name": "id", "type": "long"}, {"name": "note", "type": "string", "default": "none"}`)
}

func (orderClient) AvroSchema() string {
	return order(`{"name": "client", "type": "string", "aliases": ["customer"]}`)
}
func (orderPrice) AvroSchema() string { return order(`{"name": "price", "type": "double"}`) }
func (orderText) AvroSchema() string  { return order(`{"name": "text", "type": "string"}`) }
func (orderBytes) AvroSchema() string { return order(`{"name": "text", "type": "bytes"}`) }
func (orderState) AvroSchema() string {
	return order(`{"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["OPEN", "PAID"], "default": "OPEN"}}`)
}

func (orderMaybe) AvroSchema() string {
	return order(`{"name": "text", "type": ["null", "string"], "default": null}`)
}

// change is a value written with one schema, and what a reader of another must make of it.
type change struct {
	name   string
	writer string // fields
	json   string
	read   func(context.Context, *registry.Client, schema.Ref, []byte) (any, error)
	want   any // nil when no reader may take it
}

func reads[E schema.Event](ctx context.Context, reg *registry.Client, ref schema.Ref, body []byte) (any, error) {
	decoder, err := schema.NewDecoder[E](reg)
	if err != nil {
		return nil, err
	}
	var e E
	err = decoder.Decode(ctx, ref, body, &e)
	return e, err
}

func changes() []change {
	text := "x"
	return []change{
		{name: "field added", writer: `{"name": "id", "type": "long"}`, json: `{"id": 7}`, read: reads[orderNote], want: orderNote{7, "none"}},
		{
			name: "field removed", writer: `{"name": "note", "type": "string"}, {"name": "id", "type": "long"}`, json: `{"note": "n", "id": 7}`,
			read: reads[orderID], want: orderID{7},
		},
		{
			name: "fields in another order", writer: `{"name": "note", "type": "string"}, {"name": "id", "type": "long"}`,
			json: `{"note": "n", "id": 7}`, read: reads[orderNote], want: orderNote{7, "n"},
		},
		{name: "field renamed", writer: `{"name": "customer", "type": "string"}`, json: `{"customer": "x"}`, read: reads[orderClient], want: orderClient{"x"}},
		{name: "int to long", writer: `{"name": "id", "type": "int"}`, json: `{"id": -3}`, read: reads[orderID], want: orderID{-3}},
		{name: "int to double", writer: `{"name": "price", "type": "int"}`, json: `{"price": 3}`, read: reads[orderPrice], want: orderPrice{3}},
		{name: "long to double", writer: `{"name": "price", "type": "long"}`, json: `{"price": 3}`, read: reads[orderPrice], want: orderPrice{3}},
		{name: "float to double", writer: `{"name": "price", "type": "float"}`, json: `{"price": 1.5}`, read: reads[orderPrice], want: orderPrice{1.5}},
		{name: "string to bytes", writer: `{"name": "text", "type": "string"}`, json: `{"text": "x"}`, read: reads[orderBytes], want: orderBytes{[]byte("x")}},
		{name: "bytes to string", writer: `{"name": "text", "type": "bytes"}`, json: `{"text": "x"}`, read: reads[orderText], want: orderText{"x"}},
		{
			name: "symbol added", writer: `{"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["SHIPPED", "OPEN", "PAID"]}}`,
			json: `{"state": "SHIPPED"}`, read: reads[orderState], want: orderState{"OPEN"},
		},
		{
			name: "symbols in another order", writer: `{"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["SHIPPED", "PAID", "OPEN"]}}`,
			json: `{"state": "PAID"}`, read: reads[orderState], want: orderState{"PAID"},
		},
		{name: "widened to a union", writer: `{"name": "text", "type": "string"}`, json: `{"text": "x"}`, read: reads[orderMaybe], want: orderMaybe{&text}},
		{
			name: "narrowed from a union", writer: `{"name": "text", "type": ["null", "string"]}`, json: `{"text": {"string": "x"}}`,
			read: reads[orderText], want: orderText{"x"},
		},
		{name: "null where there is none", writer: `{"name": "text", "type": ["null", "string"]}`, json: `{"text": null}`, read: reads[orderText]},
		{name: "field without a default missing", writer: `{"name": "note", "type": "string"}`, json: `{"note": "n"}`, read: reads[orderID]},
		{name: "long to int is text to a number", writer: `{"name": "id", "type": "string"}`, json: `{"id": "7"}`, read: reads[orderID]},
		{name: "double to long", writer: `{"name": "id", "type": "double"}`, json: `{"id": 7}`, read: reads[orderID]},
		{name: "renamed without an alias", writer: `{"name": "buyer", "type": "string"}`, json: `{"buyer": "x"}`, read: reads[orderClient]},
	}
}

// evolution reads every change from eight goroutines at once, each time by a decoder that has yet to learn how the two schemas go
// together. Answers of the library below about one pair depend on which other pairs are looked at meanwhile.
func evolution(t *trial) {
	const goroutines = 8
	server, _ := t.scripted()
	reg := stack.Registry(t, server.RegistryURL)
	all := changes()
	bodies, refs := make([][]byte, len(all)), make([]schema.Ref, len(all))
	for i, c := range all {
		parsed, err := schema.Parse(order(c.writer))
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		id, err := reg.Register(t.Context(), fmt.Sprintf("change-%d", i), parsed)
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		refs[i] = schema.RefID(id)
		if bodies[i], err = schema.FromJSON(parsed, []byte(c.json)); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
	}
	rounds := pick(30, 160)
	var wrong, refused, read atomic.Int64
	var reading sync.WaitGroup
	for range goroutines {
		order := t.random.Perm(len(all) * rounds)
		reading.Go(func() {
			for _, at := range order {
				i := at % len(all)
				got, err := all[i].read(t.Context(), reg, refs[i], bodies[i])
				switch {
				case all[i].want == nil && err != nil:
					refused.Add(1)
				case all[i].want == nil:
					wrong.Add(1)
					t.Errorf("%s: read as %+v, want an error", all[i].name, got)
				case err != nil:
					wrong.Add(1)
					t.Errorf("%s: %v", all[i].name, err)
				case !cmp.Equal(got, all[i].want):
					wrong.Add(1)
					t.Errorf("%s: got %+v, want %+v", all[i].name, got, all[i].want)
				default:
					read.Add(1)
				}
			}
		})
	}
	reading.Wait()
	t.verdict.FalseOK += int(wrong.Load())
	t.cases(int(read.Load()+refused.Load()+wrong.Load()), "values")
	t.figure("changes", "%d", len(all))
	t.figure("refused, as they must be", "%d", refused.Load())
}
