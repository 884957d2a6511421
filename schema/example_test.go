package schema_test

import (
	"context"
	"fmt"
	"math/big"
	"time"

	"github.com/headrace/headrace/schema"
)

// FlightArrived is a hand-written event: a struct with tags, and its schema.
type FlightArrived struct {
	Flight string    `avro:"flight"`
	Gate   *string   `avro:"gate"`
	At     time.Time `avro:"at"`
	Fee    *big.Rat  `avro:"fee"`
}

// AvroSchema returns the schema of FlightArrived.
func (FlightArrived) AvroSchema() string {
	return `{"type":"record","name":"flights.FlightArrived","fields":[
		{"name":"flight","type":"string"},
		{"name":"gate","type":["null","string"],"default":null},
		{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
		{"name":"fee","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}]}`
}

func ExampleEncoder() {
	encoder, err := schema.NewEncoder[FlightArrived]()
	if err != nil {
		fmt.Println(err)
		return
	}
	event := FlightArrived{Flight: "UA15", At: time.Date(2013, 1, 1, 5, 0, 0, 0, time.UTC), Fee: big.NewRat(1999, 100)}
	value, err := encoder.Append(schema.AppendID(nil, 7), &event) // the wire header, then Avro
	if err != nil {
		fmt.Println(err)
		return
	}
	ref, body, err := schema.ParseWire(value, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	text, err := schema.ToJSON(encoder.Schema(), body)
	fmt.Println(ref, string(text), err)

	event.Fee = big.NewRat(1, 3)
	_, err = encoder.Append(nil, &event)
	fmt.Println(err)
	// Output:
	// schema id 7 {"flight":"UA15","gate":null,"at":"2013-01-01T05:00:00Z","fee":"19.99"} <nil>
	// event flights.FlightArrived: field /fee: 1/3 has more than the 2 decimal places of decimal(9,2)
}

// older finds one schema under every id. A service uses the client of package schema/registry in its place.
type older string

func (text older) Resolve(context.Context, schema.Ref) (*schema.Schema, error) {
	return schema.ParseWriter(string(text))
}

func ExampleDecoder() {
	// The producer is a version behind: it knows no gates.
	decoder, err := schema.NewDecoder[FlightArrived](older(`{"type":"record","name":"flights.FlightArrived","fields":[
		{"name":"flight","type":"string"},
		{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
		{"name":"fee","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}

	var event FlightArrived
	value := []byte("\x00\x00\x00\x00\x03\x08UA15\x00\x04\x07\xcf") // 0x00, the id 3, then Avro
	ref, body, err := schema.ParseWire(value, nil)
	if err == nil {
		err = decoder.Decode(context.Background(), ref, body, &event)
	}
	fmt.Println(event.Flight, event.Gate, event.At.Year(), event.Fee.FloatString(2), err)

	err = decoder.Decode(context.Background(), ref, body[:3], &event)
	fmt.Println(err)
	// Output:
	// UA15 <nil> 1970 19.99 <nil>
	// avro data of flights.FlightArrived: /flight: the data ends within it (byte 1)
}

func ExampleCompatible() {
	parse := func(fields string) *schema.Schema {
		s, err := schema.Parse(`{"type":"record","name":"Order","fields":[` + fields + `]}`)
		if err != nil {
			fmt.Println(err)
		}
		return s
	}
	old := parse(`{"name":"id","type":"long"}`)
	next := parse(`{"name":"id","type":"int"},{"name":"note","type":"string"}`)
	for _, problem := range schema.Compatible(next, old) {
		fmt.Println(problem)
	}
	// Output:
	// TYPE_MISMATCH at /fields/0/type: the reader's int cannot be read from the writer's long
	// READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1: the reader's field note of Order is not in the writer's schema and has no default
}

func ExampleFromJSON() {
	s, err := schema.Parse(FlightArrived{}.AvroSchema())
	if err != nil {
		fmt.Println(err)
		return
	}
	avro, err := schema.FromJSON(s, []byte(`{"flight":"UA15","gate":"C4","at":"2013-01-01T05:00:00Z","fee":19.99}`))
	fmt.Println(len(avro), "bytes,", err)
	_, err = schema.FromJSON(s, []byte(`{"flight":"UA15","at":"at five","fee":19.99}`))
	fmt.Println(err)
	// Output:
	// 18 bytes, <nil>
	// /at: "at five": it is not a timestamp-millis like 2024-01-31T13:04:05Z
}
