package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/internal/devserver"
)

func TestTopicsAreCreatedListedAndDescribed(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.run("", "topics", "list").want(t, exitDone, "no topics yet", "headrace topics create")

	s.run("", "topics", "create", "orders", "refunds", "--partitions", "2", "--config", "retention.ms=86400000").
		want(t, exitDone, "created topic orders", "created topic refunds")
	for _, out := range formats {
		golden(t, "topics_list_"+out, s.run("", "topics", "list", "-o", out).want(t, exitDone).stdout)
		golden(t, "topics_describe_"+out, s.run("", "topics", "describe", "orders", "-o", out).want(t, exitDone).stdout)
	}
}

func TestEmptyListIsStillAList(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	for out, want := range map[string]string{"json": "[]\n", "jsonl": "", "yaml": "[]\n"} {
		for _, noun := range []string{"topics", "schema"} {
			if r := s.run("", noun, "list", "-o", out).want(t, exitDone); r.stdout != want {
				t.Errorf("%s list -o %s: got %q, want %q", noun, out, r.stdout, want)
			}
		}
	}
}

func TestCreatingATopicTwiceNamesItAndStillCreatesTheOthers(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.createTopic("orders", 1)
	s.run("", "topics", "create", "orders", "refunds").want(t, exitFailed, "topic orders exists already")
	s.run("", "topics", "describe", "refunds").want(t, exitDone)
}

func TestMissingTopicIsNamedWithTheCommandThatCreatesIt(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.createTopic("other", 1)
	s.register("nowhere-value", orderSchema)
	for _, args := range [][]string{
		{"topics", "describe", "nowhere"},
		{"consume", "nowhere"},
		{"produce", "nowhere", "--event", "shop.Order"},
	} {
		s.run(`{"id":1}`, args...).want(t, exitFailed, "topic nowhere does not exist", "headrace topics create nowhere")
	}
}

func TestTopicsAndSubjectsAreCompleted(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	s.createTopic("orders", 1)
	s.createTopic("refunds", 1)
	s.register("orders-value", orderSchema)
	s.register("refunds-shop.Refund", refundSchema)
	// A completion that is not done in its time offers nothing, as a busy machine may have it; it is asked again, as a person would.
	complete := func(args ...string) (offered string) {
		for range 30 {
			where := []string{"__complete", args[0], "--brokers", s.KafkaAddr, "--registry", s.RegistryURL}
			if offered = run(t, "", append(where, args[1:]...)...).want(t, exitDone).stdout; !strings.HasPrefix(offered, ":") {
				break
			}
		}
		return offered
	}
	if got := complete("consume", ""); !strings.HasPrefix(got, "orders\nrefunds\n:4") {
		t.Errorf("topics: %q", got)
	}
	if got := complete("produce", "refunds", "--event", ""); !strings.HasPrefix(got, "shop.Refund\n:4") {
		t.Errorf("events: %q", got)
	}
	got := complete("schema", "get", "")
	if !strings.HasPrefix(got, "orders-value\nrefunds-shop.Refund\n:4") {
		t.Errorf("subjects: %q", got)
	}
}

func TestCompletionDoesNotKeepAPersonWaiting(t *testing.T) {
	t.Parallel()
	addr := silentAddress(t)
	began := time.Now()
	for _, args := range [][]string{{"consume", ""}, {"schema", "get", ""}, {"produce", "t", "--event", ""}} {
		where := []string{"__complete", "--brokers", addr, "--registry", "http://" + addr}
		run(t, "", append(where, args...)...).want(t, exitDone)
	}
	if took := time.Since(began); took > 40*time.Second { // the commands themselves would wait 15 s each
		t.Errorf("three completions took %v", took)
	}
}
