package devserver

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/headrace/headrace/schema"
)

// problem is one reason why a schema may not follow a version of its subject.
type problem struct {
	version int
	schema.Incompatibility
}

// String has the form of Confluent's own reasons, which people search for.
func (p problem) String() string {
	return fmt.Sprintf("{errorType:'%s', description:'%s', path:'%s', oldSchemaVersion:%d}",
		p.Kind, p.Message, p.Path, p.version)
}

// incompatibilities lists why next may not follow the versions of subject that level looks at: the newest, or all of
// them when it is transitive. A subject without versions takes anything.
func (r *registry) incompatibilities(level schema.Level, subject string, next *schema.Schema) ([]problem, error) {
	versions, err := r.versions(subject)
	if errors.Is(err, errNoSubject) || level == schema.None {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if !strings.HasSuffix(string(level), "_TRANSITIVE") && len(versions) > 1 {
		versions = versions[len(versions)-1:]
	}
	return r.against(level, subject, next, versions)
}

// against checks next against each of versions, newest first.
func (r *registry) against(level schema.Level, subject string, next *schema.Schema, versions []int) ([]problem, error) {
	var problems []problem
	for _, n := range slices.Backward(versions) {
		budget := maxReferences
		old, err := r.version(subject, n, &budget)
		if err != nil {
			return nil, fmt.Errorf("subject %s version %d: %w", subject, n, err)
		}
		name := string(level)
		if strings.HasPrefix(name, string(schema.Backward)) || strings.HasPrefix(name, string(schema.Full)) {
			problems = appendProblems(problems, n, fmt.Sprintf("it cannot read what version %d wrote", n), schema.Compatible(next, old))
		}
		if strings.HasPrefix(name, string(schema.Forward)) || strings.HasPrefix(name, string(schema.Full)) {
			problems = appendProblems(problems, n, fmt.Sprintf("version %d cannot read what it writes", n), schema.Compatible(old, next))
		}
	}
	return problems, nil
}

func appendProblems(all []problem, version int, direction string, found []schema.Incompatibility) []problem {
	for _, f := range found {
		f.Message = direction + ": " + f.Message
		all = append(all, problem{version: version, Incompatibility: f})
	}
	return all
}

// checkAll answers POST /compatibility/subjects/S/versions: what a registration would meet.
func (r *registry) checkAll(req request) reply {
	_, parsed, bad := r.parse(req.body)
	if bad != nil {
		return *bad
	}
	subject := req.PathValue("subject")
	level := r.levels.of(subject)
	problems, err := r.incompatibilities(level, subject, parsed)
	return verdict(req, level, problems, err)
}

// checkOne answers POST /compatibility/subjects/S/versions/N, where N may be "latest".
func (r *registry) checkOne(req request) reply {
	_, parsed, bad := r.parse(req.body)
	if bad != nil {
		return *bad
	}
	subject := req.PathValue("subject")
	versions, err := r.versions(subject)
	if err != nil || len(versions) == 0 {
		return fail(http.StatusNotFound, 40401, "Subject '"+subject+"' not found.")
	}
	n := versions[len(versions)-1]
	if name := req.PathValue("version"); name != "latest" {
		if n, err = strconv.Atoi(name); err != nil || !slices.Contains(versions, n) {
			return fail(http.StatusNotFound, 40402, "Version "+name+" not found.")
		}
	}
	level := r.levels.of(subject)
	if level == schema.None {
		return verdict(req, level, nil, nil)
	}
	problems, err := r.against(level, subject, parsed, []int{n})
	return verdict(req, level, problems, err)
}

func verdict(req request, level schema.Level, problems []problem, err error) reply {
	if err != nil {
		return fail(http.StatusInternalServerError, 50001, err.Error())
	}
	v := struct {
		Compatible bool     `json:"is_compatible"`
		Messages   []string `json:"messages,omitempty"`
	}{Compatible: len(problems) == 0}
	if req.URL.Query().Get("verbose") == "true" && len(problems) > 0 {
		v.Messages = append(texts(problems), "{compatibility: '"+string(level)+"'}")
	}
	return answer(v)
}

// conflict is the message of a refused registration, in the form of Confluent's registry.
func conflict(subject string, level schema.Level, problems []problem) string {
	return fmt.Sprintf("Schema being registered is incompatible with an earlier schema for subject %s, details: [%s, {compatibility: '%s'}]",
		quote(subject), strings.Join(texts(problems), ", "), level)
}

func texts(problems []problem) []string {
	all := make([]string, len(problems))
	for i, p := range problems {
		all[i] = p.String()
	}
	return all
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return strconv.Quote(s)
	}
	return string(b)
}
