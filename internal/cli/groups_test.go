package cli

import (
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/headrace/headrace/internal/devserver"
)

// grouped is a broker with ten events in the topic orders, all committed by the group delays.
func grouped(t *testing.T) servers {
	t.Helper()
	s := start(t, devserver.Config{})
	s.createTopic("orders", 2)
	s.register("orders-value", refundSchema)
	s.run(strings.Repeat(`{"order":1}`+"\n", 10), "produce", "orders", "--event", "shop.Refund", "--key", "order").want(t, exitDone)
	s.run("", "groups", "seek", "delays", "--topic", "orders", "--offset", "end", "--yes").want(t, exitDone, "moved 2 partitions of group delays")
	return s
}

func TestGroupIsListedDescribedAndMoved(t *testing.T) {
	t.Parallel()
	s := grouped(t)
	for _, out := range formats {
		golden(t, "groups_list_"+out, s.run("", "groups", "list", "-o", out).want(t, exitDone).stdout)
		golden(t, "groups_describe_"+out, s.run("", "groups", "describe", "delays", "-o", out).want(t, exitDone).stdout)
	}
	dry := s.run("", "groups", "seek", "delays", "--offset", "start", "--dry-run").want(t, exitChanges)
	golden(t, "groups_seek", dry.stdout)
	if got := s.run("", "groups", "seek", "delays", "--offset", "end", "--dry-run").want(t, exitDone, "is there already").stdout; got != "" {
		t.Errorf("a seek to where the group is printed %q", got)
	}
	s.run("", "groups", "seek", "delays", "--offset", "start").want(t, exitUsage, "pass --yes")
	s.run("", "groups", "seek", "delays", "--offset", "start", "--yes").want(t, exitDone, "moved 1 partition of")
	s.run("", "groups", "seek", "delays", "--offset", "start", "--yes").want(t, exitDone, "is there already")
}

func TestGroupsRefuseWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	s := grouped(t)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"seek", "delays"}, exitUsage, "--offset is missing"},
		{[]string{"seek", "delays", "--offset", "3:7"}, exitUsage, "no end to give"},
		{[]string{"seek", "delays", "--offset", "soon"}, exitUsage, "soon"},
		{[]string{"seek", "delays", "--offset", "11", "--yes"}, exitFailed, "offset 11 is outside of its log"},
		{[]string{"seek", "delays", "--topic", "orders", "-p", "7", "--offset", "0", "--yes"}, exitUsage, "no partition 7: it has 0 to 1"},
		{[]string{"seek", "nobody", "--offset", "0"}, exitFailed, "group nobody does not exist"},
		{[]string{"describe", "nobody"}, exitFailed, "group nobody does not exist: `headrace groups list`"},
		{[]string{"describe"}, exitUsage, "GROUP is missing"},
	} {
		s.run("", append([]string{"groups"}, c.args...)...).want(t, c.code, c.want)
	}
}

func TestSeekOfALiveGroupNamesItsMembers(t *testing.T) {
	t.Parallel()
	s := grouped(t)
	client, err := kgo.NewClient(kgo.SeedBrokers(s.KafkaAddr), kgo.ConsumerGroup("delays"), kgo.ConsumeTopics("orders"), kgo.ClientID("shop"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	for member, _ := client.GroupMetadata(); member == ""; member, _ = client.GroupMetadata() {
		select {
		case <-t.Context().Done():
			t.Fatal("the member never joined")
		case <-time.After(10 * time.Millisecond):
		}
	}
	member, _ := client.GroupMetadata()
	s.run("", "groups", "seek", "delays", "--offset", "start", "--yes").want(t, exitFailed, "group delays is live", member, "client shop")
	if described := s.run("", "groups", "describe", "delays").want(t, exitDone).stdout; !strings.Contains(described, member) {
		t.Errorf("described without its member %s:\n%s", member, described)
	}
}
