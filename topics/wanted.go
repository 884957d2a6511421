package topics

import (
	"cmp"
	"errors"
	"path/filepath"
	"slices"

	"github.com/headrace/headrace/internal/project"
	"github.com/headrace/headrace/schema"
)

// Wanted is what a headrace.yaml declares for one of its contexts: its topics with the retry and dead-letter topics of their groups,
// the subjects of their events, and the rights of the accounts. It is plain data: [Load] makes it, and so may a program.
type Wanted struct {
	Topics   []WantedTopic // in order of name
	Subjects []WantedSubject
	ACLs     []ACL
}

// WantedTopic is a topic as it is to be. What is zero is left as it is, or to the broker's default.
type WantedTopic struct {
	Name        string
	Partitions  int
	Replication int
	Configs     []Config // in order of name
	// Unkeyed says that no order by key is to be kept, so that partitions may be added without leave.
	Unkeyed bool
	// Source is the topic that a retry or dead-letter topic serves. It has as many partitions as that one, and takes messages
	// larger by Headroom, whatever Configs says. Partitions and max.message.bytes are never made less for it.
	Source string
	At     string // where it is declared: file:line:column
}

// Headroom is by how much a retry or dead-letter topic's max.message.bytes exceeds its source's, in bytes: an event on its way
// there gains headers.
const Headroom = 64 << 10

// WantedSubject is a schema to be registered under a subject.
type WantedSubject struct {
	Subject string
	Schema  *schema.Schema
	Level   schema.Level // empty leaves the level as it is
	At      string       // where its event is declared
}

// ACL is one access rule: what a principal may do, from a host, with a resource.
type ACL struct {
	Principal string `json:"principal"` // User:delays
	Host      string `json:"host"`      // * is any
	Operation string `json:"operation"` // READ, WRITE, …: Kafka's names
	Resource  string `json:"resource"`  // TOPIC, GROUP, CLUSTER or TRANSACTIONAL_ID
	Name      string `json:"name"`
	Prefixed  bool   `json:"prefixed,omitempty"` // of everything whose name begins with Name
	Deny      bool   `json:"deny,omitempty"`
}

// Load reads a file of the form of headrace.yaml, with what it includes and the schemas it names, for one of its contexts. Without a
// context's name it is the one the file itself chooses; where it has several and chooses none, the file holds without overrides. No
// broker and no registry is asked. The error joins every mistake, most of them with file, line and column.
func Load(path, contextName string) (*Wanted, error) {
	file, err := project.Load(path)
	if err != nil {
		return nil, err
	}
	chosen, err := file.Choose(contextName)
	var ambiguous *project.AmbiguousError
	if err != nil && !errors.As(err, &ambiguous) {
		return nil, err
	}
	r := &resolution{file: file, wanted: &Wanted{}, positions: map[string]project.Position{}, known: map[string]int{}}
	r.topics(chosen)
	r.groups(chosen)
	r.rights()
	r.checkTopics()
	r.subjects()
	if err := errors.Join(r.errs...); err != nil {
		return nil, err
	}
	slices.SortFunc(r.wanted.Topics, func(a, b WantedTopic) int { return cmp.Compare(a.Name, b.Name) })
	return r.wanted, nil
}

// resolution turns a file into what is wanted.
type resolution struct {
	file      *project.File
	wanted    *Wanted
	positions map[string]project.Position // of topics
	known     map[string]int              // where each topic is among those wanted
	errs      []error
}

func (r *resolution) fail(at project.Position, hint, message string) {
	r.errs = append(r.errs, &project.Error{Position: at, Message: message, Hint: hint})
}

// place is a position relative to the folder of the file that was loaded, so that a plan reads the same on every machine.
func (r *resolution) place(at project.Position) string {
	if short, err := filepath.Rel(filepath.Dir(r.file.Path), at.File); err == nil {
		at.File = filepath.ToSlash(short)
	}
	return at.String()
}

// topics are those the file lists, each with what the context says of all and of this one.
func (r *resolution) topics(chosen *project.Context) {
	overrides := map[string][]project.Overrides{}
	if chosen != nil {
		for _, over := range chosen.Topics {
			overrides[over.Name] = append(overrides[over.Name], over.Overrides)
		}
	}
	for _, t := range r.file.Topics {
		if chosen != nil {
			t = t.With(chosen.EveryTopic)
			for _, over := range overrides[t.Name] {
				t = t.With(over)
			}
		}
		r.positions[t.Name] = t.At
		if t.External {
			continue
		}
		wanted := WantedTopic{Name: t.Name, Partitions: t.Partitions, Replication: t.Replication, Unkeyed: t.Unkeyed, At: r.place(t.At)}
		for _, s := range t.Config {
			wanted.Configs = append(wanted.Configs, Config{Name: s.Name, Value: s.Value})
		}
		r.want(wanted)
	}
}

// maxTopics and maxACLs bound what a small file can ask for: its groups multiply with topics and delays, its accounts with groups. A
// cluster has room for some hundred thousand partitions.
const (
	maxTopics = 100_000
	maxACLs   = 500_000
)

func (r *resolution) want(t WantedTopic) {
	r.known[t.Name] = len(r.wanted.Topics)
	r.wanted.Topics = append(r.wanted.Topics, t)
}
