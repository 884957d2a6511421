package devserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/headrace/headrace/schema"
)

// posted is a schema as clients send it. Fields it does not name, which newer clients add, are dropped.
type posted struct {
	Schema     string      `json:"schema"`
	Type       string      `json:"schemaType,omitempty"`
	References []reference `json:"references,omitempty"`
}

type reference struct {
	Name    string `json:"name"`
	Subject string `json:"subject"`
	Version int    `json:"version"`
}

// maxReferences bounds how many schemas one schema may pull in, directly and through others.
const maxReferences = 100

// register adds a schema to a subject after it has been parsed and found compatible. A schema the subject already
// has keeps its id and is no change.
func (r *registry) register(req request) reply {
	subject := req.PathValue("subject")
	p, parsed, bad := r.parse(req.body)
	if bad != nil {
		return *bad
	}
	if known := r.ask(http.MethodPost, subjectPath(subject), p); known.status == http.StatusOK {
		return answer(struct {
			ID int `json:"id"`
		}{schemaID(known.body)})
	}
	level := r.levels.of(subject)
	problems, err := r.incompatibilities(level, subject, parsed)
	if err != nil {
		return fail(http.StatusInternalServerError, 50001, err.Error())
	}
	if len(problems) > 0 {
		return fail(http.StatusConflict, http.StatusConflict, conflict(subject, level, problems))
	}
	if r.deleted(subject) {
		// srfake takes no schema for a subject that was deleted but not for good. The version numbers start again, where
		// Confluent's go on; ids, which events carry, stay.
		r.ask(http.MethodDelete, subjectPath(subject)+"?permanent=true", nil)
	}
	rep := r.ask(http.MethodPost, subjectPath(subject)+"/versions", p)
	rep.changed = rep.status == http.StatusOK
	rep.id = schemaID(rep.body)
	return rep
}

// lookup answers whether a schema is registered under a subject.
func (r *registry) lookup(req request) reply {
	p, _, bad := r.parse(req.body)
	if bad != nil {
		return *bad
	}
	return r.ask(http.MethodPost, req.URL.RequestURI(), p)
}

// parse reads and checks a posted schema. It returns the body to hand to srfake, or the reply that refuses it.
func (r *registry) parse(body []byte) ([]byte, *schema.Schema, *reply) {
	refuse := func(format string, args ...any) ([]byte, *schema.Schema, *reply) {
		rep := fail(http.StatusUnprocessableEntity, 42201, fmt.Sprintf(format, args...))
		return nil, nil, &rep
	}
	var p posted
	if err := json.Unmarshal(body, &p); err != nil {
		return refuse("Invalid schema: %v", err)
	}
	if p.Type != "" && p.Type != "AVRO" {
		return refuse("Invalid schema type %s: the development registry takes AVRO", p.Type)
	}
	budget := maxReferences
	refs, err := r.resolve(p.References, &budget)
	if err != nil {
		return refuse("Invalid schema: %v", err)
	}
	parsed, err := schema.Parse(p.Schema, refs...)
	if err != nil {
		return refuse("Invalid schema: %v", err)
	}
	clean, err := json.Marshal(p)
	if err != nil {
		return refuse("Invalid schema: %v", err)
	}
	return clean, parsed, nil
}

// resolve fetches the schemas that refs name and those they name in turn.
func (r *registry) resolve(refs []reference, budget *int) ([]*schema.Schema, error) {
	schemas := make([]*schema.Schema, 0, min(len(refs), maxReferences))
	for _, ref := range refs {
		if *budget--; *budget < 0 {
			return nil, fmt.Errorf("it refers to more than %d schemas", maxReferences)
		}
		s, err := r.version(ref.Subject, ref.Version, budget)
		if err != nil {
			return nil, fmt.Errorf("reference %s: %w", ref.Name, err)
		}
		schemas = append(schemas, s)
	}
	return schemas, nil
}

// version parses one registered version.
func (r *registry) version(subject string, n int, budget *int) (*schema.Schema, error) {
	rep := r.ask(http.MethodGet, subjectPath(subject)+"/versions/"+strconv.Itoa(n), nil)
	if rep.status != http.StatusOK {
		return nil, fmt.Errorf("subject %s has no version %d", subject, n)
	}
	var p posted
	if err := json.Unmarshal(rep.body, &p); err != nil {
		return nil, err
	}
	refs, err := r.resolve(p.References, budget)
	if err != nil {
		return nil, err
	}
	return schema.Parse(p.Schema, refs...)
}

// deleted reports whether a subject was deleted, though not for good.
func (r *registry) deleted(subject string) bool {
	if _, err := r.versions(subject); err == nil {
		return false
	}
	return r.ask(http.MethodGet, subjectPath(subject)+"/versions?deleted=true", nil).status == http.StatusOK
}

var errNoSubject = errors.New("subject not found")

// versions lists the versions of a subject, oldest first; errNoSubject when there is none.
func (r *registry) versions(subject string) ([]int, error) {
	rep := r.ask(http.MethodGet, subjectPath(subject)+"/versions", nil)
	if rep.status != http.StatusOK {
		return nil, errNoSubject
	}
	var ns []int
	if err := json.Unmarshal(rep.body, &ns); err != nil {
		return nil, err
	}
	return ns, nil
}
