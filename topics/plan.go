package topics

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// PlanFormat is the version of a plan's JSON. ReadPlan takes no other.
const PlanFormat = 1

// Plan is what has to change so that a cluster and its registry have what is wanted. It is plain data, made by [Diff] and carried
// out by [Apply]; its JSON is stable: the same world and the same wish give the same bytes.
type Plan struct {
	Format    int    `json:"format"` // PlanFormat
	ClusterID string `json:"cluster_id"`
	// Changes are in the order in which they are applied.
	Changes []Change `json:"changes"`
	// Problems are why the plan cannot be applied at all.
	Problems []Problem `json:"problems,omitempty"`
	// Unmanaged is what the cluster has and the file does not name. It is left alone.
	Unmanaged []Unmanaged `json:"unmanaged,omitempty"`
	// ACLs are the rules that accounts need, where the cluster has no authorizer that would take them.
	ACLs []ACL `json:"acls_without_authorizer,omitempty"`
}

// Kind is what a change does.
type Kind string

// The kinds of [Change], in the order in which they are applied. A schema comes before the topic whose events it describes; what
// loosens a setting before what relies on that, and what tightens one after.
const (
	SetCompatibility Kind = "set-compatibility" // Subject: the level becomes New
	RegisterSchema   Kind = "register-schema"   // Subject: Schema becomes a version, and New its level where that is said
	CreateTopic      Kind = "create-topic"      // Topic, with Partitions, Replication and Configs
	SetConfig        Kind = "set-config"        // Topic: Setting becomes New
	SetReplicas      Kind = "set-replicas"      // Topic: partitions move as Moves says
	AddPartitions    Kind = "add-partitions"    // Topic: Partitions in all
	CreateACL        Kind = "create-acl"        // ACL
	DeleteTopic      Kind = "delete-topic"      // Topic, with everything in it
)

// Change is one step of a plan. Which fields it has depends on its kind.
type Change struct {
	Kind        Kind        `json:"kind"`
	Topic       string      `json:"topic,omitempty"`
	TopicID     string      `json:"topic_id,omitempty"` // of the topic that was seen
	Subject     string      `json:"subject,omitempty"`
	Setting     string      `json:"setting,omitempty"`
	Old         string      `json:"old,omitempty"`
	New         string      `json:"new,omitempty"`
	Partitions  int         `json:"partitions,omitempty"`
	Replication int         `json:"replication,omitempty"`
	Configs     []Config    `json:"configs,omitempty"`
	Moves       []Move      `json:"moves,omitempty"`
	Schema      *SchemaText `json:"schema,omitempty"`
	Version     int         `json:"version,omitempty"` // the subject's newest when it was seen
	ACL         *ACL        `json:"acl,omitempty"`
	// Risks say what the change can cost, and why.
	Risks []string `json:"risks,omitempty"`
	// Needs is the flag without which the change is not applied, as in "--allow-partitions flights"; empty when leave is given.
	Needs string `json:"needs,omitempty"`
	// At is where the file says so.
	At string `json:"at,omitempty"`
}

// Move is a partition whose replicas go elsewhere, the preferred leader first.
type Move struct {
	Partition int32   `json:"partition"`
	Old       []int32 `json:"old"`
	New       []int32 `json:"new"`
}

// SchemaText is a schema with those it refers to.
type SchemaText struct {
	Event      string        `json:"event"`
	Text       string        `json:"text"`
	References []*SchemaText `json:"references,omitempty"`
}

// Problem is something that is wanted and cannot be had.
type Problem struct {
	Topic   string   `json:"topic,omitempty"`
	Subject string   `json:"subject,omitempty"`
	Message string   `json:"message"`
	Reasons []string `json:"reasons,omitempty"`
	At      string   `json:"at,omitempty"`
}

// String returns "headrace.yaml:7:5: topic flights: …", with every reason on a line of its own.
func (p Problem) String() string {
	text := p.Message
	switch {
	case p.Topic != "":
		text = "topic " + p.Topic + ": " + text
	case p.Subject != "":
		text = "subject " + p.Subject + ": " + text
	}
	if p.At != "" {
		text = p.At + ": " + text
	}
	for _, reason := range p.Reasons {
		text += "\n    " + reason
	}
	return text
}

// Unmanaged is a topic, a setting of a wanted topic, or a rule of an account, that the file does not name.
type Unmanaged struct {
	Topic   string `json:"topic,omitempty"`
	Setting string `json:"setting,omitempty"`
	Value   string `json:"value,omitempty"`
	ACL     *ACL   `json:"acl,omitempty"`
}

// Empty reports that nothing has to change and nothing stands in the way.
func (p Plan) Empty() bool { return len(p.Changes) == 0 && len(p.Problems) == 0 }

// maxPlanBytes bounds a plan's file. A thousand topics take some hundred kilobytes.
const maxPlanBytes = 64 << 20

// ReadPlan reads a plan's JSON. It refuses what is no plan of this version, fields that it does not know, and kinds of change that it
// could not carry out, before anything is done.
func ReadPlan(r io.Reader) (Plan, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxPlanBytes+1))
	if err != nil {
		return Plan{}, err
	}
	if len(text) > maxPlanBytes {
		return Plan{}, fmt.Errorf("the plan has more than %d bytes", maxPlanBytes)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var p Plan
	if err := decoder.Decode(&p); err != nil {
		return Plan{}, fmt.Errorf("not a plan: %w", err)
	}
	if decoder.More() {
		return Plan{}, errors.New("not a plan: data follows it")
	}
	return p, p.check()
}

// Write writes the plan's JSON.
func (p Plan) Write(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(p)
}

func (p Plan) check() error {
	if p.Format != PlanFormat {
		return fmt.Errorf("this plan has format %d, and only %d is understood: plan again with this headrace", p.Format, PlanFormat)
	}
	if p.ClusterID == "" {
		return errors.New("this plan names no cluster: plan again")
	}
	var errs []error
	for i, c := range p.Changes {
		if !c.whole() {
			errs = append(errs, fmt.Errorf("change %d of the plan: a %q without what it needs", i+1, c.Kind))
		}
	}
	return errors.Join(errs...)
}

// whole reports that a change has the fields its kind needs.
func (c Change) whole() bool {
	switch c.Kind {
	case CreateTopic:
		return c.Topic != ""
	case SetConfig:
		return c.Topic != "" && c.Setting != ""
	case AddPartitions:
		return c.Topic != "" && c.Partitions > 0
	case SetReplicas:
		for _, m := range c.Moves {
			if len(m.New) == 0 {
				return false
			}
		}
		return c.Topic != "" && len(c.Moves) > 0
	case DeleteTopic:
		return c.Topic != ""
	case RegisterSchema:
		return c.Subject != "" && c.Schema != nil
	case SetCompatibility:
		return c.Subject != "" && c.New != ""
	case CreateACL:
		return c.ACL != nil
	}
	return false
}
