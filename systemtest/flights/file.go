// Package flights sends the whole flights file through producer, broker, registry and worker, on every Kafka version.
package flights

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/headrace/headrace/examples/flights"

	"github.com/headrace/headrace/systemtest/internal/cache"
)

// What the file holds, by event type.
const (
	cancelled = 8255
	diverted  = 1175
	arrived   = 327346
	all       = cancelled + diverted + arrived
)

// readFile returns every row of the flights file, which lies beside the checkout.
func readFile() ([]flights.Row, error) {
	root, err := cache.Root()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(root, "..", "..", "shared", "data", "flights-2013.csv.gz")
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("the flights test reads all of shared/data/flights-2013.csv.gz, beside the checkout: %w", err)
	}
	defer func() { _ = file.Close() }()
	reader, err := flights.NewReader(file)
	if err != nil {
		return nil, err
	}
	rows := make([]flights.Row, 0, all)
	for {
		row, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
}
