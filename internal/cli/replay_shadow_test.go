package cli

import (
	"testing"
)

// shadowed has a topic orders, which is replayed, and totals, which production and a shadow run wrote from it.
func shadowed(t *testing.T) servers {
	t.Helper()
	s := grouped(t)
	s.createTopic("totals", 1)
	s.createTopic("totals.shadow", 1)
	s.createTopic("wide", 2)
	for _, topic := range []string{"totals", "totals.shadow"} {
		s.register(topic+"-value", refundSchema)
	}
	s.run(`{"order":1}`+"\n"+`{"order":2}`+"\n"+`{"order":3}`+"\n", "produce", "totals", "--event", "shop.Refund").want(t, exitDone)
	return s
}

func TestReplayShadow(t *testing.T) {
	t.Parallel()
	s := shadowed(t)
	args := []string{"replay", "shadow", "--from-topic", "orders", "--expected", "totals", "--shadow", "totals.shadow"}
	s.run(`{"order":1}`+"\n"+`{"order":20}`+"\n"+`{"order":3}`+"\n"+`{"order":4}`+"\n", "produce", "totals.shadow", "--event", "shop.Refund").want(t, exitDone)
	for _, out := range formats {
		golden(t, "replay_shadow_"+out, s.run("", append(args, "-o", out)...).want(t, exitFindings).stdout)
	}
	golden(t, "replay_shadow_ignored", s.run("", append(args, "--ignore", "order")...).want(t, exitFindings).stdout)
}

func TestReplayShadowEqual(t *testing.T) {
	t.Parallel()
	s := shadowed(t)
	s.run(`{"order":1}`+"\n"+`{"order":2}`+"\n"+`{"order":3}`+"\n", "produce", "totals.shadow", "--event", "shop.Refund").want(t, exitDone)
	golden(t, "replay_shadow_equal", s.run("", "replay", "shadow", "--from-topic", "orders", "--from", "@-1h", "--expected", "totals", "--shadow", "totals.shadow").want(t, exitDone).stdout)
	// No event says where it came from, so that all of them count.
	s.run("", "replay", "shadow", "--from-topic", "orders", "--from", "5", "--expected", "totals", "--shadow", "totals.shadow", "--origin", "origin").want(t, exitDone)
}

func TestReplayShadowRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	s := shadowed(t)
	both := []string{"--expected", "totals", "--shadow", "totals.shadow"}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, exitUsage, "--from-topic is missing"},
		{[]string{"--from-topic", "orders", "--expected", "totals"}, exitUsage, "--expected and --shadow are both needed"},
		{append([]string{"--from-topic", "orders", "--from", "5"}, both...), exitUsage, `"5" is a place in the input`},
		{append([]string{"--from-topic", "orders", "--to", "soon"}, both...), exitUsage, "soon"},
		{append([]string{"--from-topic", "orders", "--memory", "much"}, both...), exitUsage, `"much" is not an amount`},
		{append([]string{"--from-topic", "orders", "--expected-from", "1:2"}, both...), exitUsage, "--expected-from"},
		{append([]string{"--from-topic", "orders", "--expected-to", "x"}, both...), exitUsage, "--expected-to"},
		{append([]string{"--from-topic", "nowhere"}, both...), exitFailed, "topic nowhere does not exist"},
		{[]string{"--from-topic", "orders", "--expected", "totals", "--shadow", "wide"}, exitFailed, "has 1 partitions and topic wide 2"},
		{append([]string{"--from-topic", "orders", "--ignore", ".a"}, both...), exitFailed, "is no path"},
	} {
		s.run("", append([]string{"replay", "shadow"}, c.args...)...).want(t, c.code, c.want)
	}
}
