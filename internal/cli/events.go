package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// eventType is a registered event of a topic.
type eventType struct {
	id     int
	schema *schema.Schema
}

// eventTypes finds the event types of a topic in the registry. An empty name is the only event the topic has.
type eventTypes struct {
	app      *app
	registry *registry.Client
	topic    string
	known    map[string]eventType
}

func (t *eventTypes) find(ctx context.Context, name string) (eventType, error) {
	if found, ok := t.known[name]; ok {
		return found, nil
	}
	ctx, cancel := t.app.within(ctx)
	defer cancel()
	found, err := t.ask(ctx, name)
	if ctx.Err() != nil {
		return found, fmt.Errorf("schema registry %s: %w", t.registry.URL(), err)
	}
	if err == nil {
		t.known[name] = found
	}
	return found, err
}

func (t *eventTypes) ask(ctx context.Context, name string) (eventType, error) {
	if name != "" {
		found, ok, err := t.latest(ctx, schema.TopicRecordName(t.topic, name))
		if ok || err != nil {
			return found, err
		}
	}
	found, ok, err := t.latest(ctx, schema.TopicName(t.topic))
	if err != nil || ok && (name == "" || found.schema.FullName() == name) {
		return found, err
	}
	if name != "" {
		return eventType{}, fmt.Errorf("event %s is not registered for topic %s: register it with "+
			"`headrace schema register FILE --subject %s`", name, t.topic, schema.TopicRecordName(t.topic, name))
	}
	names, err := eventNames(ctx, t.registry, t.topic)
	switch {
	case err != nil:
		return eventType{}, err
	case len(names) == 0:
		return eventType{}, fmt.Errorf("no event is registered for topic %s: register one with "+
			"`headrace schema register FILE --subject %s`", t.topic, schema.TopicName(t.topic))
	case len(names) > 1:
		return eventType{}, usagef("topic %s has several events: name one with --event: %s", t.topic, strings.Join(names, ", "))
	}
	return t.ask(ctx, names[0])
}

// latest is the newest version of a subject; false when the registry has no such subject.
func (t *eventTypes) latest(ctx context.Context, subject string) (eventType, bool, error) {
	v, err := t.registry.Latest(ctx, subject)
	var answer *registry.Error
	// A 404 without the registry's code is a wrong URL.
	if errors.As(err, &answer) && answer.Status == http.StatusNotFound && answer.Code != 0 {
		return eventType{}, false, nil
	}
	if err != nil {
		return eventType{}, false, err
	}
	return eventType{id: v.ID, schema: v.Schema}, true, nil
}

// eventNames are the events that have a subject of their own for a topic.
func eventNames(ctx context.Context, reg *registry.Client, topic string) ([]string, error) {
	subjects, err := reg.Subjects(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, subject := range subjects {
		name, ok := strings.CutPrefix(subject, topic+"-")
		// A dash is in no Avro name: this is the subject of another topic, whose name starts with this one's.
		if ok && name != "value" && name != "key" && !strings.Contains(name, "-") {
			names = append(names, name)
		}
	}
	return names, nil
}

// completeEvent completes --event with the events of the topic already typed.
func (a *app) completeEvent(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	ctx, cancel := a.completionContext(cmd)
	defer cancel()
	reg, err := a.openRegistry(ctx)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	defer reg.Close()
	names, err := eventNames(ctx, reg, args[0])
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	if v, err := reg.Latest(ctx, schema.TopicName(args[0])); err == nil {
		names = append(names, v.Schema.FullName())
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}
