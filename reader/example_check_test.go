package reader_test

import (
	"context"
	"fmt"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

type orderPaid struct {
	ID int64 `avro:"id"`
}

func (orderPaid) AvroSchema() string {
	return `{"type":"record","name":"OrderPaid","namespace":"shop","fields":[{"name":"id","type":"long"}]}`
}

// A service asks before a replay whether it can read all that the topic holds.
func ExampleSchemaScan_Check() {
	ctx := context.Background()
	reg, err := registry.FromEnv()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer reg.Close()
	cluster, err := headrace.FromEnv()
	if err != nil {
		fmt.Println(err)
		return
	}
	scan, err := reader.Scan(ctx, reader.ScanConfig{Read: reader.Config{Cluster: cluster, Topic: "orders"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	paid, err := schema.Of[orderPaid]()
	if err != nil {
		fmt.Println(err)
		return
	}
	verdicts, err := scan.Check(ctx, reg, paid)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, v := range verdicts {
		if v.Unreadable() {
			fmt.Println(v.Events, "events of", v.Event, "cannot be read:", v.Problems, v.Err)
		}
	}
}
