package kafka

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/headrace/headrace"
)

func brokerError(err *kerr.Error) error {
	return &BrokerError{Request: "Produce", Node: 1, Topic: "flights", Partition: 2, Err: err}
}

func TestErrorClasses(t *testing.T) {
	t.Parallel()
	refused := &ConnError{Request: "Fetch", Node: 1, Addr: "a:1", Err: io.EOF}
	auth := &AuthError{Addr: "a:1", Method: "PLAIN", Err: kerr.SaslAuthenticationFailed}
	for _, test := range []struct {
		err                              error
		retriable, metadata, coordinator bool
	}{
		{nil, false, false, false},
		{brokerError(kerr.NotLeaderForPartition), true, true, false},
		{brokerError(kerr.UnknownTopicOrPartition), true, true, false},
		{brokerError(kerr.LeaderNotAvailable), true, true, false},
		{brokerError(kerr.FencedLeaderEpoch), true, true, false},
		{brokerError(kerr.NotEnoughReplicas), true, false, false},
		{brokerError(kerr.RequestTimedOut), true, false, false},
		{brokerError(kerr.UnstableOffsetCommit), true, false, false},
		{brokerError(kerr.NotCoordinator), true, false, true},
		{brokerError(kerr.CoordinatorNotAvailable), true, false, true},
		{brokerError(kerr.CoordinatorLoadInProgress), true, false, false},
		{brokerError(kerr.TopicAuthorizationFailed), false, false, false},
		{brokerError(kerr.MessageTooLarge), false, false, false},
		{brokerError(kerr.OffsetOutOfRange), false, false, false},
		{brokerError(kerr.IllegalGeneration), false, false, false},
		{brokerError(kerr.OutOfOrderSequenceNumber), false, false, false},
		{refused, true, true, true},
		{auth, false, false, false},
		{&ConnError{Request: "Fetch", Err: auth}, false, true, true},
		{&ConnError{Request: "Fetch", Err: context.Canceled}, false, true, true},
		{&VersionError{API: "Fetch"}, false, false, false},
		{fmt.Errorf("topic: %w", ErrUnknownTopic), false, false, false},
		{ErrClosed, false, false, false},
		{&BrokerError{Request: "Produce", Err: ErrNoAnswer}, true, false, false},
		{errors.Join(refused, brokerError(kerr.NotLeaderForPartition)), true, true, true},
		{errors.Join(refused, brokerError(kerr.TopicAuthorizationFailed)), false, true, true},
		{errors.New("anything else"), false, false, false},
	} {
		if got := Retriable(test.err); got != test.retriable {
			t.Errorf("Retriable(%v) is %v", test.err, got)
		}
		if got := RefreshesMetadata(test.err); got != test.metadata {
			t.Errorf("RefreshesMetadata(%v) is %v", test.err, got)
		}
		if got := RefreshesCoordinator(test.err); got != test.coordinator {
			t.Errorf("RefreshesCoordinator(%v) is %v", test.err, got)
		}
	}
}

func TestUnknownErrorCodeKeepsItsNumber(t *testing.T) {
	t.Parallel()
	if err := codeError(0); err != nil {
		t.Errorf("code 0 is %v", err)
	}
	if err := codeError(30_000); err == nil || !strings.Contains(err.Error(), "30000") || Retriable(err) {
		t.Errorf("code 30000 is %v", err)
	}
	if err := codeError(-1); !errors.Is(err, kerr.UnknownServerError) {
		t.Errorf("code -1 is %v", err)
	}
}

// offline returns a client that is never to dial; it works inside a synctest bubble.
func offline(t *testing.T) *Client {
	t.Helper()
	client, err := Open(headrace.Cluster{Brokers: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func TestRetryGoesOnUntilTheDeadlineAndSaysWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := offline(t)
		defer client.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		attempts, started := 0, time.Now()
		err := client.Retry(ctx, func(context.Context) error {
			attempts++
			return brokerError(kerr.NotEnoughReplicas)
		})
		if took := time.Since(started); took != time.Minute {
			t.Errorf("gave up after %v, want the deadline's minute", took)
		}
		// Pauses are half a second on average once they have grown.
		if attempts < 80 || attempts > 200 {
			t.Errorf("%d attempts in a minute", attempts)
		}
		if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, kerr.NotEnoughReplicas) || !strings.Contains(err.Error(), "attempts, last:") {
			t.Errorf("error is %v", err)
		}
		if Retriable(err) {
			t.Error("the deadline's error is retriable")
		}
	})
}

func TestRetryStopsAtAFinalErrorAndAtSuccess(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := offline(t)
		defer client.Close()
		results := []error{brokerError(kerr.RequestTimedOut), brokerError(kerr.RequestTimedOut), brokerError(kerr.MessageTooLarge), nil}
		next := func(context.Context) error {
			err := results[0]
			results = results[1:]
			return err
		}
		if err := client.Retry(context.Background(), next); !errors.Is(err, kerr.MessageTooLarge) || len(results) != 1 {
			t.Errorf("error is %v with %d results left", err, len(results))
		}
		if err := client.Retry(context.Background(), next); err != nil {
			t.Error(err)
		}
	})
}

func TestRetryEndsWithTheClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := offline(t)
		time.AfterFunc(time.Second, client.Close)
		err := client.Retry(context.Background(), func(context.Context) error { return brokerError(kerr.RequestTimedOut) })
		if !errors.Is(err, ErrClosed) || !errors.Is(err, kerr.RequestTimedOut) {
			t.Errorf("error is %v", err)
		}
	})
}

func TestRetryKeepsTheReasonBeforeTheDeadlineCutIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := offline(t)
		defer client.Close()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		attempts := 0
		err := client.Retry(ctx, func(ctx context.Context) error {
			if attempts++; attempts == 1 {
				return brokerError(kerr.NotEnoughReplicas)
			}
			<-ctx.Done()
			return &ConnError{Request: "Produce", Err: ctx.Err()}
		})
		if !errors.Is(err, kerr.NotEnoughReplicas) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error is %v", err)
		}
	})
}
