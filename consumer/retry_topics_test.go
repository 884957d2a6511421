package consumer

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/headrace/headrace/internal/kafka"
)

func (w *world) sides(create bool, delays ...time.Duration) sideTopics {
	return sideTopics{client: w.client, group: "g", dead: true, delays: delays, create: create, log: w.log}
}

// source creates a topic with settings and returns what the cluster says of it.
func (w *world) source(name string, partitions int32, settings map[string]string) kafka.Topic {
	w.t.Helper()
	if _, err := w.client.CreateTopics(w.t.Context(), false, kafka.NewTopic{Name: name, Partitions: partitions, ReplicationFactor: 1, Configs: settings}); err != nil {
		w.t.Fatal(err)
	}
	return w.found(name)
}

func (w *world) found(name string) kafka.Topic {
	w.t.Helper()
	found, err := w.sides(false).topic(w.t.Context(), name)
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

func TestMissingSideTopicsAreAllNamedWithTheirCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	source := w.source("t", 3, map[string]string{"max.message.bytes": "2000000", "min.insync.replicas": "1"})
	err := w.sides(false, time.Minute, time.Hour).of(t.Context(), source)
	if err == nil {
		t.Fatal("no error")
	}
	var names []string
	for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
		names = append(names, asError[*MissingTopicError](t, one).Topic)
	}
	if diff := cmp.Diff([]string{"t.g.dead", "t.g.retry.1m", "t.g.retry.1h"}, names); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, want := range []string{
		"dead-letter topic t.g.dead does not exist: create it with `headrace topics create t.g.dead --partitions 3 --replicas 1 " +
			"--config cleanup.policy=delete --config retention.ms=-1 --config max.message.bytes=2065536 --config min.insync.replicas=1`, or set Tuning.CreateTopics",
		"retry topic t.g.retry.1h does not exist",
		"--config retention.ms=612000000",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
}

func TestSideTopicsAreCreatedAsTheirSourceNeedsThem(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		settings map[string]string
		want     string // retention.ms of the retry topic
	}{
		"by default":          {nil, "604920000"},
		"a short retention":   {map[string]string{"retention.ms": "3600000"}, "604920000"},
		"a long retention":    {map[string]string{"retention.ms": "2592000000"}, "2592120000"},
		"the most there is":   {map[string]string{"retention.ms": "9223372036854775807"}, "9223372036854775807"},
		"nearly the most":     {map[string]string{"retention.ms": "9223372036854775800"}, "9223372036854775807"},
		"kept for ever":       {map[string]string{"retention.ms": "-1"}, "-1"},
		"compacted":           {map[string]string{"cleanup.policy": "compact"}, "-1"},
		"compacted and aging": {map[string]string{"cleanup.policy": "compact, delete", "retention.ms": "3600000"}, "604920000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			source := w.source("t", 3, tc.settings)
			sides := w.sides(true, time.Minute)
			for range 2 { // the second time there is nothing to do
				if err := sides.of(t.Context(), source); err != nil {
					t.Fatal(err)
				}
			}
			for topic, retention := range map[string]string{"t.g.retry.1m": tc.want, "t.g.dead": "-1"} {
				if got := len(w.found(topic).Partitions); got != 3 {
					t.Errorf("%s has %d partitions", topic, got)
				}
				entries, err := w.client.TopicConfigs(t.Context(), topic)
				if err != nil {
					t.Fatal(err)
				}
				got := map[string]string{}
				for _, e := range entries {
					got[e.Name] = e.Value
				}
				if got["retention.ms"] != retention || got["cleanup.policy"] != "delete" {
					t.Errorf("%s has retention.ms=%s and cleanup.policy=%s, want %s and delete", topic, got["retention.ms"], got["cleanup.policy"], retention)
				}
			}
		})
	}
}

func TestRetryTopicWithFewerPartitionsIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	source := w.source("t", 3, nil)
	w.source("t.g.dead", 1, nil)
	w.source("t.g.retry.1m", 2, nil)
	w.source("t.g.retry.1h", 4, nil)
	few := asError[*PartitionsError](t, w.sides(false, time.Minute, time.Hour).of(t.Context(), source))
	if *few != (PartitionsError{Topic: "t.g.retry.1m", Partitions: 2, Source: "t", Needed: 3}) {
		t.Errorf("got %+v", few)
	}
	if command := "--alter --topic t.g.retry.1m --partitions 3"; !strings.Contains(few.Error(), command) {
		t.Errorf("error %q lacks %q", few, command)
	}

	if err := w.sides(true, time.Minute, time.Hour).of(t.Context(), source); err != nil {
		t.Fatal(err)
	}
	for topic, want := range map[string]int{"t.g.retry.1m": 3, "t.g.retry.1h": 4} {
		if got := len(w.kafka.PartitionInfos(topic)); got != want {
			t.Errorf("%s has %d partitions, want %d", topic, got, want)
		}
	}
}

func TestCompactedSideTopicsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	source := w.source("t", 1, map[string]string{"cleanup.policy": "compact"}) // which is its own affair
	w.source("t.g.dead", 1, map[string]string{"cleanup.policy": "compact"})
	w.source("t.g.retry.1m", 1, map[string]string{"cleanup.policy": "compact,delete"})
	w.source("t.g.retry.1h", 1, map[string]string{"cleanup.policy": "delete"})
	err := w.sides(true, time.Minute, time.Hour).of(t.Context(), source)
	if err == nil {
		t.Fatal("no error")
	}
	var got []CompactedTopicError
	for _, one := range err.(interface{ Unwrap() []error }).Unwrap() {
		got = append(got, *asError[*CompactedTopicError](t, one))
	}
	want := []CompactedTopicError{
		{Topic: "t.g.dead", DeadLetter: true, Policy: "compact"}, {Topic: "t.g.retry.1m", Retry: time.Minute, Policy: "compact,delete"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, words := range []string{"dead-letter topic t.g.dead has cleanup.policy=compact,", "--entity-name t.g.retry.1m --add-config cleanup.policy=delete"} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("error lacks %q:\n%v", words, err)
		}
	}
}

// TestHiddenSettingsAreNoFault: a worker that may not see its side topics' settings works all the same.
func TestHiddenSettingsAreNoFault(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	source := w.source("t", 1, nil)
	w.source("t.g.dead", 1, nil)
	w.kafka.ControlKey(int16(kmsg.DescribeConfigs), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		resp := req.ResponseKind().(*kmsg.DescribeConfigsResponse)
		for _, resource := range req.(*kmsg.DescribeConfigsRequest).Resources {
			answer := kmsg.NewDescribeConfigsResponseResource()
			answer.ResourceType, answer.ResourceName, answer.ErrorCode = resource.ResourceType, resource.ResourceName, kerr.TopicAuthorizationFailed.Code
			resp.Resources = append(resp.Resources, answer)
		}
		return resp, nil, true
	})
	if err := w.sides(false).of(t.Context(), source); err != nil {
		t.Error(err)
	}
}

func TestRefusedCreationNamesTheTopicAndTheCommand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	source := w.source("t", 1, nil)
	w.kafka.ControlKey(int16(kmsg.CreateTopics), func(req kmsg.Request) (kmsg.Response, error, bool) {
		w.kafka.KeepControl()
		resp := req.ResponseKind().(*kmsg.CreateTopicsResponse)
		for _, topic := range req.(*kmsg.CreateTopicsRequest).Topics {
			answer := kmsg.NewCreateTopicsResponseTopic()
			answer.Topic, answer.ErrorCode = topic.Topic, kerr.TopicAuthorizationFailed.Code
			resp.Topics = append(resp.Topics, answer)
		}
		return resp, nil, true
	})
	err := w.sides(true, time.Minute).of(t.Context(), source)
	if !errors.Is(err, kerr.TopicAuthorizationFailed) || !strings.Contains(err.Error(), "headrace topics create t.g.retry.1m") ||
		!strings.Contains(err.Error(), "headrace topics create t.g.dead") {
		t.Errorf("got %v", err)
	}
}
