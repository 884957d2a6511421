package reader_test

import (
	"context"
	"fmt"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/reader"
)

// Read reads a topic without a group; what it reads stays where it is.
func ExampleRead() {
	lastHour, err := reader.ParseRange("@-1h:end", time.Now())
	if err != nil {
		fmt.Println(err)
		return
	}
	cluster, err := headrace.FromEnv()
	if err != nil {
		fmt.Println(err)
		return
	}
	err = reader.Read(context.Background(), reader.Config{Cluster: cluster, Topic: "orders", Range: lastHour}, func(r reader.Record) error {
		fmt.Println("partition", r.Partition, "offset", r.Offset, "bytes", len(r.Value))
		return nil
	})
	if err != nil {
		fmt.Println(err)
	}
}

func ExampleParseRange() {
	now := time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, text := range []string{"start:end", "10:20", "-3:end", "@2022-02-14:1h", "@-2d:end", "tomorrow"} {
		r, err := reader.ParseRange(text, now)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("from %v to %v\n", r.From, r.To)
	}
	// Output:
	// from start to end
	// from 10 to 20
	// from -3 to end
	// from @1644796800000 to @1644800400000
	// from @1709121600000 to end
	// offset "tomorrow": "tomorrow" is not start, end, an offset, +n or -n; a time begins with @
}
