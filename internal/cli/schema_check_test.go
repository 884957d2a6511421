package cli

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/headrace/headrace/internal/devserver"
)

// versions of one event: the second adds an optional field and renames one, the third breaks readers both ways.
const (
	paidV1 = `{"type": "record", "name": "shop.Paid", "doc": "Paid.", "fields": [
  {"name": "id", "type": "long", "doc": "The order."},
  {"name": "sum", "type": "shop.Money", "doc": "What was paid."}
]}`
	paidV2 = `{"type": "record", "name": "shop.Paid", "doc": "Paid.", "fields": [
  {"name": "order", "aliases": ["id"], "type": "long", "doc": "The order.", "default": 0},
  {"name": "sum", "type": "shop.Money", "doc": "What was paid."},
  {"name": "note", "type": ["null", "string"], "default": null, "doc": "A note."}
]}`
	paidV3 = `{"type": "record", "name": "shop.Paid", "doc": "Paid.", "fields": [
  {"name": "order", "type": "int", "doc": "The order."},
  {"name": "sum", "type": "shop.Money", "doc": "What was paid."},
  {"name": "by", "type": "string", "doc": "Who paid."}
]}`
	sharedMoney = `{"type": "record", "name": "shop.Money", "doc": "Money.", "fields": [{"name": "cents", "type": "long", "doc": "Cents."}]}`
)

// versionsOf writes folders v1, v2 and v3.
func versionsOf(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"v1": paidV1, "v2": paidV2, "v3": paidV3} {
		write(t, dir, name+"/Paid.avsc", text)
		write(t, dir, name+"/Money.avsc", sharedMoney)
	}
	return dir
}

func TestSchemaCheckListsEveryIncompatibilityWithItsPlace(t *testing.T) {
	t.Parallel()
	dir := versionsOf(t)
	at := func(name string) string { return filepath.Join(dir, name) }
	run(t, "", "schema", "check", at("v2"), "--against", at("v1")).want(t, exitDone, "2 schema files checked: compatible")
	r := run(t, "", "schema", "check", at("v3"), "--against", at("v1"), "--against", at("v2"), "--level", "FULL_TRANSITIVE").want(t, 100)
	golden(t, "schema_check", inside(dir, r.stdout))
	for _, out := range findingsFormats {
		r := run(t, "", "schema", "check", at("v3/Paid.avsc"), "--against", at("v2/Paid.avsc"), "-o", out).want(t, 100)
		golden(t, "schema_check_"+out, inside(dir, r.stdout))
	}
}

func TestSchemaCheckTakesEveryLevel(t *testing.T) {
	t.Parallel()
	dir := versionsOf(t)
	// v2 renames a field by an alias, which old readers do not have: they have no default for id.
	for level, code := range map[string]int{
		"": exitDone, "NONE": exitDone, "BACKWARD": exitDone, "backward-transitive": exitDone,
		"FORWARD": 100, "FORWARD_TRANSITIVE": 100, "FULL": 100, "full_transitive": 100,
	} {
		args := []string{"schema", "check", filepath.Join(dir, "v2"), "--against", filepath.Join(dir, "v1")}
		if level != "" {
			args = append(args, "--level", level)
		}
		run(t, "", args...).want(t, code)
	}
	r := run(t, "", "schema", "check", filepath.Join(dir, "v2"), "--against", filepath.Join(dir, "v3"), "--against", filepath.Join(dir, "v1"))
	r.want(t, exitDone, "BACKWARD compares with the newest of 2 older versions only, BACKWARD_TRANSITIVE with all")
	run(t, "", "schema", "check", "x", "--against", "y", "--level", "SIDEWARD").want(t, exitUsage, `"SIDEWARD" is none of`)
	run(t, "", "schema", "check", "x").want(t, exitUsage, "--against is missing: name older files, git:main or registry")
	run(t, "", "schema", "check", "x", "--against", "git:").want(t, exitUsage, "names no revision")
	run(t, "", "schema", "check", "x", "--against", "git:--output=x").want(t, exitUsage, "names no revision")
}

func TestNewSchemaPassesWithANote(t *testing.T) {
	t.Parallel()
	dir := versionsOf(t)
	write(t, dir, "v2/Refund.avsc", `{"type": "record", "name": "shop.Refund", "fields": []}`)
	r := run(t, "", "schema", "check", filepath.Join(dir, "v2"), "--against", filepath.Join(dir, "v1")).want(t, exitDone, "Refund.avsc: shop.Refund is new: there is no older version to compare with")
	if r.stdout != "" {
		t.Errorf("stdout %q", r.stdout)
	}
}

// repository makes dir a git repository whose branch main holds what is there, and returns git in it.
func repository(t *testing.T, dir string) func(args ...string) {
	t.Helper()
	git := func(args ...string) {
		t.Helper()
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=n", "-c", "user.email=n@example.com", "-c", "commit.gpgsign=false"}, args...)...)
		cmd.Env = append(cmd.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("init", "-q", "-b", "main")
	git("add", ".")
	git("commit", "-q", "-m", "first")
	return git
}

func TestSchemaCheckAgainstGit(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	paid := write(t, dir, "events/Paid.avsc", paidV1)
	write(t, dir, "shared/Money.avsc", sharedMoney)
	write(t, dir, "headrace.yaml", "schemas: {folder: .}\n")
	write(t, dir, "README.md", "no schema")
	git := repository(t, dir)
	git("tag", "v1")
	write(t, dir, "events/Paid.avsc", paidV2)
	git("commit", "-q", "-a", "-m", "second")
	write(t, dir, "events/Paid.avsc", paidV3)

	check := func(args ...string) result {
		r := runDir(t, dir, "", append([]string{"schema", "check"}, args...)...)
		r.stdout, r.stderr = inside(dir, r.stdout), inside(dir, r.stderr)
		return r
	}
	whole := check(dir, "--against", "git:main").want(t, 100)
	for _, want := range []string{"events/Paid.avsc:2:29: TYPE_MISMATCH", "old long of main:events/Paid.avsc:2:48", "events/Paid.avsc:4:3: READER_FIELD_MISSING_DEFAULT_VALUE", "main:events/Paid.avsc:1:1"} {
		if !strings.Contains(whole.stdout, want) {
			t.Errorf("%s\nlacks %s", whole.stdout, want)
		}
	}
	if one := check(paid, "--against", "git:main").want(t, 100); one.stdout != whole.stdout {
		t.Errorf("the file alone: %s", one.stdout)
	}
	if named := check(paid, "--against", "git:main:events/Paid.avsc").want(t, 100); named.stdout != whole.stdout {
		t.Errorf("the path named: %s", named.stdout)
	}
	r := check("--against", "git:v1", "--against", "git:main", "--level", "BACKWARD_TRANSITIVE", "-o", "json").want(t, 100)
	var found []Finding
	if err := json.Unmarshal([]byte(r.stdout), &found); err != nil || len(found) != 4 {
		t.Errorf("%v: %s", err, r.stdout)
	}
	write(t, dir, "moved/Settled.avsc", strings.Replace(paidV2, `"shop.Paid",`, `"shop.Settled", "aliases": ["Paid"],`, 1))
	check(filepath.Join(dir, "moved", "Settled.avsc"), "--against", "git:main:events").want(t, exitDone)
	check(paid, "--against", "git:nowhere").want(t, exitFailed, "git:nowhere: the repository", "has no such revision; fetch it first")
	check(paid, "--against", "git:main:gone").want(t, exitFailed, "there is no gone at main")
	run(t, "", "schema", "check", write(t, t.TempDir(), "o.avsc", orderSchema), "--against", "git:main").want(t, exitFailed, "is not in a git repository")

	write(t, dir, "events/Broken.avsc", "{")
	git("add", ".")
	git("commit", "-q", "-m", "broken")
	check(dir, "--against", "git:main").want(t, exitFailed, "main:events/Broken.avsc:1:2: it is not JSON")
}

func TestSchemaCheckAgainstARegistry(t *testing.T) {
	t.Parallel()
	s := start(t, devserver.Config{})
	dir := t.TempDir()
	v1 := `{"type": "record", "name": "shop.Gift", "fields": [{"name": "to", "type": "string"}]}`
	v2 := `{"type": "record", "name": "shop.Gift", "fields": [{"name": "to", "type": "string"}, {"name": "by", "type": "string", "default": ""}]}`
	file := write(t, dir, "Gift.avsc", `{"type": "record", "name": "shop.Gift", "fields": [{"name": "to", "type": "string"}, {"name": "by", "type": "string"}]}`)
	s.run("", "schema", "check", file, "--against", "registry").want(t, exitDone, "shop.Gift is new")
	s.register("gifts-value", v1)
	s.register("gifts-value", v2)

	// BACKWARD, the registry's default, looks at the newest version; against the first one, by has no default.
	s.run("", "schema", "check", file, "--against", "registry").want(t, exitDone, "compatible")
	r := s.run("", "schema", "check", file, "--against", "registry", "--level", "BACKWARD_TRANSITIVE").want(t, 100)
	if !strings.Contains(r.stdout, "READER_FIELD_MISSING_DEFAULT_VALUE") || !strings.Contains(r.stdout, "old record at gifts-value version 1") {
		t.Error(r.stdout)
	}
	s.run("", "schema", "check", file, "--against", "registry:gifts-value:1").want(t, 100)
	s.run("", "schema", "check", file, "--against", "registry:gifts-value:2").want(t, exitDone)
	s.run("", "schema", "check", file, "--against", "registry:gifts-value:9").want(t, exitFailed, "subject gifts-value has no version 9")
	s.run("", "schema", "check", file, "--against", "registry:nobody").want(t, exitDone, "is new")

	// The subject's own level holds unless another is asked for; headrace.yaml says which subject is the event's.
	write(t, dir, "headrace.yaml", "schemas: {folder: .}\ntopics:\n  - {name: gifts, events: [shop.Gift]}\n")
	check := func(code int) {
		t.Helper()
		runDir(t, dir, "", "schema", "check", "--against", "registry", "--registry", s.RegistryURL).want(t, code)
	}
	check(exitDone)
	s.run("", "schema", "compat", "set", "gifts-value", "BACKWARD_TRANSITIVE", "--yes").want(t, exitDone)
	check(100)
}
