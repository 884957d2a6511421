package badinput

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/consumer"
	"github.com/headrace/headrace/producer"
	"github.com/headrace/headrace/reader"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/internal/events"
)

// send sends one event and closes its producer.
func send(ctx context.Context, t *testing.T, cluster headrace.Cluster, reg *registry.Client, topic string) error {
	t.Helper()
	p, err := producer.New(producer.Config{Cluster: cluster, Registry: reg, AutoRegister: true})
	if err != nil {
		return err
	}
	defer closeProducer(t, p)
	_, err = producer.For[events.Numbered](p, topic).Send(ctx, "key", events.Numbered{Key: "key"})
	return err
}

func closeProducer(t *testing.T, p *producer.Producer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	if err := p.Close(ctx); err != nil {
		t.Errorf("close the producer: %v", err)
	}
}

// read reads a topic to its end.
func read(ctx context.Context, cluster headrace.Cluster, topic string) (records int, err error) {
	err = reader.Read(ctx, reader.Config{
		Cluster: cluster, Topic: topic, Range: reader.Range{From: reader.AtStart(), To: reader.AtEnd()},
	}, func(reader.Record) error {
		records++
		return nil
	})
	return records, err
}

// work runs a worker until ctx ends or the worker gives up.
func work(ctx context.Context, cluster headrace.Cluster, reg *registry.Client, group, topic string) error {
	w, err := consumer.New(consumer.Config{
		Cluster: cluster, Registry: reg, Group: group, Topics: []string{topic},
		Tuning: consumer.Tuning{DrainTimeout: time.Second},
	}, consumer.On(func(context.Context, events.Numbered) error { return nil }))
	if err != nil {
		return err
	}
	return w.Run(ctx)
}

// says fails the test unless err holds every one of these words, and no secret.
func says(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error, want one that says %q", words)
		return
	}
	text := strings.ToLower(err.Error())
	for _, word := range words {
		if !strings.Contains(text, strings.ToLower(word)) {
			t.Errorf("error %q does not say %q", err, word)
		}
	}
	if strings.Contains(text, password) {
		t.Errorf("error %q tells the password", err)
	}
	t.Logf("error: %v", err)
}
