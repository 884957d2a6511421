package contender

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/hamba/avro/v2"
)

// hambaEncoder encodes with a writer it keeps, which is hamba's quickest way. It is for one goroutine.
type hambaEncoder struct {
	schema avro.Schema
	writer *avro.Writer
	header [5]byte
	chunk  []byte
}

func newHambaEncoder(schema string, id int) *hambaEncoder {
	e := &hambaEncoder{schema: avro.MustParse(schema), writer: avro.NewWriter(nil, 512)}
	binary.BigEndian.PutUint32(e.header[1:], uint32(id))
	return e
}

// chunkSize is how much room for values is allocated at once: clients keep a value until it is acknowledged.
const chunkSize = 1 << 18

// encode returns the wire header and the event, which it is given a pointer to, in memory of their own.
func (e *hambaEncoder) encode(event any) ([]byte, error) {
	e.writer.Reset(nil)
	e.writer.WriteVal(e.schema, event)
	if e.writer.Error != nil {
		return nil, e.writer.Error
	}
	body := e.writer.Buffer()
	if len(e.chunk)+len(e.header)+len(body) > cap(e.chunk) {
		e.chunk = make([]byte, 0, max(chunkSize, len(e.header)+len(body)))
	}
	start := len(e.chunk)
	e.chunk = append(append(e.chunk, e.header[:]...), body...)
	return e.chunk[start:len(e.chunk):len(e.chunk)], nil
}

// hambaDecoder decodes with readers it keeps. It is safe for concurrent use.
type hambaDecoder struct {
	schema  avro.Schema
	readers sync.Pool
}

func newHambaDecoder(schema string) *hambaDecoder {
	return &hambaDecoder{
		schema:  avro.MustParse(schema),
		readers: sync.Pool{New: func() any { return avro.NewReader(nil, 0) }},
	}
}

// decode fills in the event that it is given a pointer to.
func (d *hambaDecoder) decode(value []byte, event any) error {
	if len(value) < 5 || value[0] != 0 {
		return errors.New("no wire header")
	}
	r, _ := d.readers.Get().(*avro.Reader)
	defer d.readers.Put(r)
	r.Reset(value[5:])
	r.Error = nil
	r.ReadVal(d.schema, event)
	if r.Error != nil && !errors.Is(r.Error, io.EOF) {
		return fmt.Errorf("avro: %w", r.Error)
	}
	return nil
}
