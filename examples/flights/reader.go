package flights

import (
	"bytes"
	"compress/gzip"
	_ "embed" // the sample
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/headrace/headrace/schema"
)

//go:embed data/flights-sample.csv.gz
var sample []byte

// Row is one flight of the file, as the event that goes out for it.
type Row struct {
	Line  int       // line of the file, the header being line 1
	Key   string    // tail number, or the carrier when the flight has none
	Time  time.Time // scheduled hour of departure
	Event schema.Event
}

// Reader reads the flights file row by row. It is strict: a row it does not understand is an error that names its line and
// column, never a guess. It is not safe for concurrent use.
type Reader struct {
	csv *csv.Reader
}

// Sample opens the 20,000 flights that travel with this package; see data/README.md.
func Sample() (*Reader, error) { return NewReader(bytes.NewReader(sample)) }

// NewReader reads the gzip-compressed file in, and checks that its header names the columns this package knows.
func NewReader(in io.Reader) (*Reader, error) {
	unpacked, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("flights: %w", err)
	}
	rows := csv.NewReader(unpacked)
	rows.ReuseRecord = true
	rows.FieldsPerRecord = len(columns)
	header, err := rows.Read()
	if err != nil {
		return nil, fmt.Errorf("flights: header: %w", err)
	}
	if !slices.Equal(header, columns) {
		return nil, fmt.Errorf("flights: header is %s, want %s", strings.Join(header, ","), strings.Join(columns, ","))
	}
	return &Reader{csv: rows}, nil
}

// Next returns the next flight, or io.EOF after the last.
func (r *Reader) Next() (Row, error) {
	values, err := r.csv.Read()
	if errors.Is(err, io.EOF) {
		return Row{}, io.EOF
	}
	if err != nil {
		return Row{}, fmt.Errorf("flights: %w", err) // names the line itself
	}
	line, _ := r.csv.FieldPos(0)
	row, err := parse(values)
	if err != nil {
		return Row{}, fmt.Errorf("flights: line %d: %w", line, err)
	}
	row.Line = line
	return row, nil
}
