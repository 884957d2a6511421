package producer_test

import (
	"encoding/binary"

	"github.com/headrace/headrace/schema/codec"
)

// orderPlaced encodes itself, as a generated type does.
type orderPlaced struct {
	ID     string
	Amount int64
	fault  error
}

const orderPlacedSchema = `{"type":"record","name":"OrderPlaced","namespace":"shop","fields":[
	{"name":"id","type":"string"},{"name":"amount","type":"long"}]}`

func (orderPlaced) AvroSchema() string { return orderPlacedSchema }

func (e orderPlaced) AppendAvro(dst []byte) ([]byte, error) {
	if e.fault != nil {
		return append(dst, "part of it"...), e.fault
	}
	dst = binary.AppendVarint(dst, int64(len(e.ID)))
	dst = append(dst, e.ID...)
	return binary.AppendVarint(dst, e.Amount), nil
}

func (e *orderPlaced) DecodeAvro(r *codec.Reader) {
	e.ID, e.Amount = r.String(), r.Long()
}

// orderPlacedV2 is a later version of the same type.
type orderPlacedV2 struct {
	ID     string  `avro:"id"`
	Amount int64   `avro:"amount"`
	Note   *string `avro:"note"`
}

func (orderPlacedV2) AvroSchema() string {
	return `{"type":"record","name":"OrderPlaced","namespace":"shop","fields":[
		{"name":"id","type":"string"},{"name":"amount","type":"long"},{"name":"note","type":["null","string"],"default":null}]}`
}

// orderCancelled is written by hand, with tags.
type orderCancelled struct {
	ID    string `avro:"id"`
	State string `avro:"state"`
}

func (orderCancelled) AvroSchema() string {
	return `{"type":"record","name":"OrderCancelled","namespace":"shop","fields":[
		{"name":"id","type":"string"},{"name":"state","type":{"type":"enum","name":"State","symbols":["OPEN","SHIPPED"]}}]}`
}
