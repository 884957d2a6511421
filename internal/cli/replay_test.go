package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/headrace/headrace/replay"
)

// settled takes out of a plan's text what every run has of its own.
func settled(text string) string {
	for _, own := range []struct{ pattern, put string }{
		{`("?(?:id|cluster_id|topic_id)"?: )"?(?:\d{8}-\d{6}-[0-9a-f]{8}|[0-9a-f]{32})"?`, "${1}ID"},
		{`("?cluster_id"?: )"?[\w-]+"?`, "${1}ID"},
		{`("?id"?:)"?(?:\d{8}-\d{6}-[0-9a-f]{8}|[0-9a-f]{32})"?`, "${1}ID"},
		{`("?(?:cluster_id|topic_id)"?:)"?[\w-]+"?`, "${1}ID"},
		{`("?made_at"?: ?)"?[0-9TZ:.-]+"?`, "${1}TIME"},
		{`("?made_by"?: ?)"?[^",\n]+"?`, "${1}WHO"},
		{`("?seconds"?: ?)[0-9.e-]+`, "${1}SECONDS"},
		{`("?(?:by_day)"?: ?\{?\s*)"?\d{4}-\d\d-\d\d"?`, "${1}DAY"},
		{`\d{4}-\d\d-\d\d( +\d+)`, "DAY$1"},
	} {
		text = regexp.MustCompile(own.pattern).ReplaceAllString(text, own.put)
	}
	return text
}

func TestReplayIsPlanned(t *testing.T) {
	t.Parallel()
	s := grouped(t)
	s.createTopic("again", 2)
	file := filepath.Join(t.TempDir(), "again.json")
	args := []string{"replay", "plan", "--from-topic", "orders", "--to-topic", "again", "--where", "event.order == 1", "--out", file}
	for _, out := range formats {
		r := s.run("", append(args, "-o", out)...).want(t, exitDone, "wrote the plan of replay", "applying it takes about")
		golden(t, "replay_plan_"+out, settled(r.stdout))
	}
	text, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close() //nolint:errcheck // only read
	plan, err := replay.ReadPlan(text)
	if err != nil || plan.Counts.Events != 10 || plan.Target.Topic != "again" {
		t.Errorf("the file is %+v, %v", plan, err)
	}
	golden(t, "replay_plan_rewind", settled(s.run("", "replay", "plan", "--from-topic", "orders", "--rewind", "delays", "--from", "1").want(t, exitDone).stdout))
	if r := s.run("", "groups", "describe", "delays", "-o", "json").want(t, exitDone); !strings.Contains(r.stdout, `"committed": 10`) {
		t.Errorf("planning has moved the group:\n%s", r.stdout)
	}
}

func TestReplayPlanRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	s := grouped(t)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, exitUsage, "--from-topic is missing"},
		{[]string{"--from-topic", "orders"}, exitUsage, "where the events go is missing: --to-topic, --handlers or --rewind"},
		{[]string{"--from-topic", "orders", "--handlers", "a", "--rewind", "b"}, exitUsage, "give one of --to-topic"},
		{[]string{"--from-topic", "orders", "--handlers", "a", "--where", "evnt.id == 1"}, exitUsage, "where:1:1: undeclared reference to 'evnt'"},
		{[]string{"--from-topic", "orders", "--handlers", "a", "--key", "["}, exitUsage, "has no ]"},
		{[]string{"--from-topic", "orders", "--handlers", "a", "--rate", "-1"}, exitUsage, "must not be negative"},
		{[]string{"--from-topic", "orders", "--handlers", "a", "--from", "soon"}, exitUsage, "--from: "},
		{[]string{"--from-topic", "orders", "--handlers", "a", "--to", "later"}, exitUsage, "--to: "},
		{[]string{"--from-topic", "orders", "--handlers", "a", "--to-context", "x"}, exitUsage, "--to-topic, which is missing"},
		{[]string{"--from-topic", "orders", "--handlers", "a", "--from", "committed:nobody"}, exitFailed, "group nobody has committed nothing"},
		{[]string{"--from-topic", "nowhere", "--handlers", "a"}, exitFailed, "topic nowhere does not exist"},
		{[]string{"--from-topic", "orders", "--to-topic", "nowhere"}, exitFailed, "`headrace topics create nowhere --partitions 2 --config retention.ms=-1`"},
		{[]string{"--from-topic", "orders", "--to-topic", "orders"}, exitFailed, "is replayed itself"},
		{[]string{"--from-topic", "orders", "--handlers", "a", "-p", "7"}, exitUsage, "partition 7"},
		{[]string{"--from-topic", "orders", "--handlers", "a", "--from", "10", "--to", "31d"}, exitUsage, `"31d" is a duration, and --from no time`},
		{[]string{"--from-topic", "orders", "--handlers", "a", "--bytes-rate", "20XB"}, exitUsage, "not an amount of bytes, such as 20MB"},
		{[]string{"--from-topic", "orders", "--handlers", "a", "--speed", "10x", "--bytes-rate", "20MB"}, exitDone, "applying it takes about"},
		{[]string{"--from-topic", "orders", "--handlers", "a", "--out", "no/such/plan.json"}, exitUsage, "--out no/such/plan.json"},
		{[]string{"--from-topic", "orders", "--to-topic", "paid", "--to-context", "cloud"}, exitUsage, "--to-context is cloud"},
	} {
		s.run("", append([]string{"replay", "plan"}, c.args...)...).want(t, c.code, c.want)
	}
	if r := s.run("", "replay", "plan", "--from-topic", "orders", "--handlers", "a", "--no-registry"); strings.Contains(r.stdout, "yes") {
		t.Errorf("readable, though nobody was asked:\n%s", r.stdout)
	}
	if r := s.run("", "replay", "plan", "--from-topic", "orders", "--rewind", "nobody"); !strings.Contains(r.stdout, "group nobody has committed nothing of what is replayed") {
		t.Errorf("a group that does not exist:\n%s", r.stdout)
	}
}

func TestManyDaysAreShownAsMonthsOrYears(t *testing.T) {
	t.Parallel()
	days := func(n int) map[string]int64 {
		counts := map[string]int64{}
		for i := range n {
			counts[time.Date(2013, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)] = 2
		}
		return counts
	}
	for _, c := range []struct {
		days  int
		unit  string
		lines int
	}{{1, "DAY", 1}, {62, "DAY", 62}, {365, "MONTH", 12}, {365 * 10, "YEAR", 10}} {
		unit, counts := byCalendar(days(c.days))
		sum := int64(0)
		for _, n := range counts {
			sum += n
		}
		if unit != c.unit || len(counts) != c.lines || sum != int64(2*c.days) {
			t.Errorf("%d days are %d of %s with %d events", c.days, len(counts), unit, sum)
		}
	}
}
