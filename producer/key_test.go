package producer_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/headracetest"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/reader"
)

func TestWithKeySendsAnyBytes(t *testing.T) {
	t.Parallel()
	env := headracetest.Start(t)
	env.CreateTopic(t, "orders", 1)
	p, err := producer.New(producer.Config{Cluster: env.Cluster, Registry: env.Registry, AutoRegister: true})
	if err != nil {
		t.Fatal(err)
	}
	orders := producer.For[orderPlaced](p, "orders")
	keys := [][]byte{{0xff, 0}, {}, nil, []byte("customer-7")}
	for _, key := range keys {
		sent := bytes.Clone(key)
		if _, err := orders.Send(t.Context(), "", orderPlaced{}, producer.WithKey(sent)); err != nil {
			t.Fatal(err)
		}
		clear(sent)
	}
	if _, err := orders.Send(t.Context(), "customer-7", orderPlaced{}, producer.WithKey(keys[0])); err == nil || !strings.Contains(err.Error(), "two keys") {
		t.Errorf("with two keys: %v", err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got [][]byte
	config := reader.Config{Cluster: headrace.Cluster{Brokers: env.Cluster.Brokers}, Topic: "orders", Range: reader.Range{To: reader.AtEnd()}}
	if err := reader.Read(t.Context(), config, func(r reader.Record) error {
		got = append(got, bytes.Clone(r.Key))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(keys) {
		t.Fatalf("%d events, want %d", len(got), len(keys))
	}
	for i, key := range keys {
		if !bytes.Equal(got[i], key) || (got[i] == nil) != (key == nil) {
			t.Errorf("key %d is %#v, want %#v", i, got[i], key)
		}
	}
}
