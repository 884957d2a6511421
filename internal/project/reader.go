package project

import (
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// reader turns the nodes of one file, whose shape is checked, into values.
type reader struct {
	*mistakes
	dir string
}

type pair struct{ key, value *yaml.Node }

func pairs(n *yaml.Node) []pair {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	all := make([]pair, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		all = append(all, pair{n.Content[i], resolve(n.Content[i+1])})
	}
	return all
}

func items(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	all := make([]*yaml.Node, len(n.Content))
	for i, item := range n.Content {
		all[i] = resolve(item)
	}
	return all
}

func (r *reader) text(n *yaml.Node, name string) string {
	if c := child(n, name); c != nil {
		return c.Value
	}
	return ""
}

func (r *reader) texts(n *yaml.Node) []string {
	var all []string
	for _, item := range items(n) {
		all = append(all, item.Value)
	}
	return all
}

func (r *reader) names(n *yaml.Node) []Name {
	var all []Name
	for _, item := range items(n) {
		all = append(all, Name{At: r.at(item), Name: item.Value})
	}
	return all
}

func (r *reader) flag(n *yaml.Node, name string, otherwise bool) bool {
	if c := child(n, name); c != nil {
		return strings.EqualFold(c.Value, "true")
	}
	return otherwise
}

func (r *reader) number(n *yaml.Node, name string) int {
	c := child(n, name)
	if c == nil {
		return 0
	}
	value, err := strconv.Atoi(c.Value)
	if err != nil || value > 1<<20 {
		r.add(r.at(c), "", "%s: %s is more than any cluster has", name, c.Value)
	}
	return value
}

// path makes a file's name absolute: names in a file are relative to it.
func (r *reader) path(n *yaml.Node, name string) string {
	c := child(n, name)
	if c == nil || c.Value == "" {
		return ""
	}
	if strings.ContainsAny(c.Value, "\n\x00") {
		r.add(r.at(c), "put it into a file of its own", "%s is the name of a file, not what is in it", name)
		return ""
	}
	if filepath.IsAbs(c.Value) {
		return filepath.Clean(c.Value)
	}
	return filepath.Join(r.dir, c.Value)
}

func (r *reader) file(n *yaml.Node) *File {
	f := &File{Context: r.text(n, "context")}
	for _, p := range pairs(child(n, "contexts")) {
		f.Contexts = append(f.Contexts, r.context(p.key, p.value))
	}
	defaults := r.overrides(child(n, "defaults"))
	for _, item := range items(child(n, "topics")) {
		f.Topics = append(f.Topics, r.topic(item, defaults))
	}
	for _, item := range items(child(n, "groups")) {
		f.Groups = append(f.Groups, r.group(item))
	}
	for _, item := range items(child(n, "accounts")) {
		f.Accounts = append(f.Accounts, r.account(item))
	}
	if c := child(n, "schemas"); c != nil {
		f.Schemas = Schemas{At: r.at(c), Folder: r.path(c, "folder"), Lint: r.lint(child(c, "lint"))}
	}
	return f
}

func (r *reader) context(key, n *yaml.Node) Context {
	c := Context{
		At: r.at(key), Name: key.Value, Production: r.flag(n, "production", false),
		Brokers: r.texts(child(n, "brokers")), ClientID: r.text(n, "client_id"),
		TLS: r.tls(child(n, "tls")), SASL: r.sasl(child(n, "sasl")), Registry: r.registry(child(n, "registry")),
		EveryTopic: r.overrides(child(n, "every_topic")),
	}
	for _, p := range pairs(child(n, "topics")) {
		c.Topics = append(c.Topics, TopicOverrides{At: r.at(p.key), Name: p.key.Value, Overrides: r.overrides(p.value)})
	}
	for _, p := range pairs(child(n, "groups")) {
		c.Groups = append(c.Groups, GroupOverrides{At: r.at(p.key), Name: p.key.Value, Retry: r.delays(child(p.value, "retry"))})
	}
	return c
}

func (r *reader) tls(n *yaml.Node) *TLS {
	if n == nil {
		return nil
	}
	return &TLS{
		CAFile: r.path(n, "ca_file"), CertFile: r.path(n, "cert_file"), KeyFile: r.path(n, "key_file"),
		ServerName: r.text(n, "server_name"), Insecure: r.flag(n, "insecure", false),
	}
}

func (r *reader) sasl(n *yaml.Node) *SASL {
	if n == nil {
		return nil
	}
	return &SASL{
		Mechanism: r.text(n, "mechanism"), Username: r.text(n, "username"), Password: r.secret(n, "password"), Token: r.secret(n, "token"),
		AllowPlaintext: r.flag(n, "allow_plaintext", false),
	}
}

func (r *reader) registry(n *yaml.Node) *Registry {
	if n == nil {
		return nil
	}
	found := &Registry{}
	at := n
	if n.Kind == yaml.ScalarNode {
		found.URL = n.Value
	} else {
		at = child(n, "url")
		found = &Registry{
			URL: r.text(n, "url"), Username: r.text(n, "username"), Password: r.secret(n, "password"), Token: r.secret(n, "token"),
			TLS: r.tls(child(n, "tls")), AllowPlaintext: r.flag(n, "allow_plaintext", false),
		}
	}
	u, err := url.Parse(found.URL)
	switch {
	case err != nil:
		r.add(r.at(at), "write it as in http://localhost:8081", "the registry's URL cannot be parsed") // the parser's error would print it
	case strings.Contains(found.URL, "@"):
		r.add(r.at(at), "write username and password_env or password_file beside the url", "a password does not belong in this file")
		found.URL = ""
	case u.RawQuery != "" || u.Fragment != "": // where a token may stand
		r.add(r.at(at), "write it as in http://localhost:8081", "the registry's URL has a query or a fragment")
		found.URL = ""
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "": // it is not printed: what looks like a scheme may be a user
		r.add(r.at(at), "write it as in http://localhost:8081", "the registry's URL has no http or https host")
	}
	return found
}

var envName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (r *reader) secret(n *yaml.Node, name string) SecretSource {
	env := child(n, name+"_env")
	s := SecretSource{At: r.at(n), File: r.path(n, name+"_file")}
	if env == nil {
		return s
	}
	s.At = r.at(env)
	switch {
	case !envName.MatchString(env.Value): // which may be the secret itself, so that it is not printed
		r.add(s.At, "letters, digits and underscores", "%s_env is not the name of an environment variable", name)
	case s.File != "":
		r.add(s.At, "keep one", "%s_env and %s_file are both set", name, name)
	default:
		s.Env = env.Value
	}
	return s
}

func (r *reader) overrides(n *yaml.Node) Overrides {
	return Overrides{Partitions: r.number(n, "partitions"), Replication: r.number(n, "replication"), Config: r.config(child(n, "config"))}
}

func (r *reader) topic(n *yaml.Node, defaults Overrides) Topic {
	t := Topic{
		At: r.at(n), Name: r.text(n, "name"),
		Partitions: r.number(n, "partitions"), Replication: r.number(n, "replication"), Config: r.config(child(n, "config")),
		Compatibility: r.text(n, "compatibility"), Unkeyed: !r.flag(n, "keyed", true),
	}
	if c := child(n, "name"); c != nil {
		t.At = r.at(c)
		if err := CheckTopicName(t.Name); err != nil {
			r.add(t.At, "", "%v", err)
		}
	}
	for _, e := range r.names(child(n, "events")) {
		t.Events = append(t.Events, Event(e))
	}
	if t.External = r.flag(n, "external", false); t.External {
		for _, own := range []string{"partitions", "replication", "config", "events", "compatibility", "keyed"} {
			if c := child(n, own); c != nil {
				r.add(r.at(c), "its owner says that", "topic %s is external and has %s", t.Name, own)
			}
		}
		return t
	}
	if t.Partitions == 0 {
		t.Partitions = defaults.Partitions
	}
	if t.Replication == 0 {
		t.Replication = defaults.Replication
	}
	t.Config = mergeSettings(defaults.Config, t.Config)
	return t
}

func (r *reader) group(n *yaml.Node) Group {
	g := Group{At: r.at(n), Name: r.text(n, "name"), Topics: r.names(child(n, "topics"))}
	if c := child(n, "name"); c != nil {
		g.At = r.at(c)
	}
	retry := child(n, "retry")
	if retry != nil && retry.Kind == yaml.MappingNode {
		g.RetryConfig = r.config(child(retry, "config"))
		retry = child(retry, "delays")
	}
	g.Retry = r.delays(retry)
	if dead := child(n, "dead_letter"); dead != nil {
		g.DeadLetter = dead.Kind == yaml.MappingNode || strings.EqualFold(dead.Value, "true")
		g.DeadLetterConfig = r.config(child(dead, "config"))
	}
	return g
}

// delays reads the delays of retry topics.
func (r *reader) delays(n *yaml.Node) []time.Duration {
	var all []time.Duration
	seen := map[time.Duration]bool{}
	for _, item := range items(n) {
		d, err := ParseDuration(item.Value)
		switch {
		case err != nil:
			r.add(r.at(item), "", "retry: %v", err)
		case d == 0:
			r.add(r.at(item), "an attempt without delay needs no topic", "retry: %q", item.Value)
		case seen[d]:
			r.add(r.at(item), "each delay has one topic", "retry has the delay %s twice", item.Value)
		default:
			seen[d] = true
			all = append(all, d)
		}
	}
	return all
}

func (r *reader) account(n *yaml.Node) Account {
	a := Account{
		At: r.at(n), Name: r.text(n, "name"), Principal: r.text(n, "principal"), Host: r.text(n, "host"),
		Produces: r.names(child(n, "produces")), Reads: r.names(child(n, "reads")), Groups: r.names(child(n, "groups")),
		Redrives: r.names(child(n, "redrives")), Replays: r.names(child(n, "replays")),
	}
	if a.Principal == "" {
		a.Principal = "User:" + a.Name
	}
	if kind, name, ok := strings.Cut(a.Principal, ":"); !ok || kind == "" || name == "" {
		r.add(r.at(child(n, "principal")), "write it as in User:"+a.Name, "principal %q has no type", a.Principal)
	}
	if a.Host == "" {
		a.Host = "*"
	}
	return a
}
