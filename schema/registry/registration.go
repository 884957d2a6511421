package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/headrace/headrace/schema"
)

// Registration is a schema that a subject is to have.
type Registration struct {
	Subject string
	Schema  *schema.Schema
	Level   schema.Level // the compatibility level that the subject is to have; "" leaves it as it is
}

// State is what registering a schema would do.
type State string

// The states of a [Step].
const (
	StateNew          State = "new"          // the subject is not there, or has no version
	StateUnchanged    State = "unchanged"    // the subject has this schema
	StateChanged      State = "changed"      // it would be the subject's next version
	StateIncompatible State = "incompatible" // the subject's level forbids it
)

// Step is one registration, compared with what the registry has.
type Step struct {
	Registration
	State   State
	Version int          // the subject's newest version; 0 when it has none
	ID      int          // of the schema, when it is unchanged
	Current schema.Level // the level in force; where Level is another, it is to be set
	Reasons []string     // why it is incompatible: every reason
}

// Relevel reports whether the step sets the subject's level.
func (s *Step) Relevel() bool { return s.Level != "" && s.Level != s.Current }

// Plan is what registering several schemas would do, in the order in which it must be done: a schema comes after
// those that it refers to.
type Plan struct{ Steps []Step }

// Changes counts the steps that would write.
func (p *Plan) Changes() int {
	n := 0
	for i := range p.Steps {
		if s := &p.Steps[i]; s.State == StateNew || s.State == StateChanged || s.Relevel() {
			n++
		}
	}
	return n
}

// Incompatible returns the first step that is refused, nil when none is.
func (p *Plan) Incompatible() *Step {
	for i := range p.Steps {
		if p.Steps[i].State == StateIncompatible {
			return &p.Steps[i]
		}
	}
	return nil
}

// Plan compares registrations with what the registry has, and writes nothing. A schema that one of them refers to, and that did not come
// from a registry, becomes a step of its own, under [schema.RecordName].
//
// Compatibility is checked by [schema.Compatible] at the level that the subject is to have. The registry is asked too, if it knows all
// schemas that the new one refers to. Either may refuse.
func (r *Client) Plan(ctx context.Context, wanted ...Registration) (*Plan, error) {
	steps, err := inOrder(wanted)
	if err != nil {
		return nil, err
	}
	p := &Plan{Steps: steps}
	for i := range p.Steps {
		if err := r.plan(ctx, &p.Steps[i]); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// inOrder lists what is wanted and what that refers to, each subject once.
func inOrder(wanted []Registration) ([]Step, error) {
	var steps []Step
	at := map[string]int{}
	var add func(w Registration) error
	add = func(w Registration) error {
		for _, ref := range w.Schema.References() {
			if ref.Origin() != (schema.Origin{}) {
				continue
			}
			if err := add(Registration{Subject: schema.RecordName(ref.FullName()), Schema: ref, Level: w.Level}); err != nil {
				return err
			}
		}
		i, ok := at[w.Subject]
		if !ok {
			at[w.Subject] = len(steps)
			steps = append(steps, Step{Registration: w})
			return nil
		}
		if registrationIdentity(steps[i].Schema) != registrationIdentity(w.Schema) {
			return fmt.Errorf("subject %s: two schemas are to be registered under it, %s and %s: give one another subject",
				w.Subject, steps[i].Schema.FullName(), w.Schema.FullName())
		}
		return nil
	}
	for _, w := range wanted {
		if w.Subject == "" || w.Schema == nil {
			return nil, errors.New("registry: a registration needs a subject and a schema")
		}
		if err := add(w); err != nil {
			return nil, err
		}
	}
	return steps, nil
}

func (r *Client) plan(ctx context.Context, step *Step) error {
	ctx, cancel := r.within(ctx)
	defer cancel()
	versions, err := r.Versions(ctx, step.Subject)
	if err != nil && !notFound(err) {
		return err
	}
	if step.Current, err = r.Compatibility(ctx, step.Subject); err != nil {
		return err
	}
	if len(versions) == 0 {
		step.State = StateNew
		return nil
	}
	step.Version = versions[len(versions)-1]
	found, err := r.lookup(ctx, step.Subject, step.Schema)
	var missing *NotRegisteredError
	if err == nil {
		step.State, step.ID = StateUnchanged, found.ID
		return nil
	}
	if !errors.As(err, &missing) {
		return err
	}
	return r.judge(ctx, step, versions, missing.Subject == step.Subject)
}

// judge decides whether a schema may be the next version. The registry is asked too if it is able to tell: it has all that the schema
// refers to, and its level is the one that will be in force.
func (r *Client) judge(ctx context.Context, step *Step, versions []int, able bool) error {
	level := step.Current
	if step.Level != "" {
		level = step.Level
	}
	if !transitive(level) {
		versions = versions[len(versions)-1:]
	}
	for _, n := range versions {
		old, err := r.Version(ctx, step.Subject, n)
		if err != nil {
			return err
		}
		if backward(level) {
			r.refuse(step, "the new schema cannot read data of version", n, schema.Compatible(step.Schema, old.Schema))
		}
		if forward(level) {
			r.refuse(step, "data of the new schema cannot be read by version", n, schema.Compatible(old.Schema, step.Schema))
		}
	}
	if len(step.Reasons) == 0 && able && !step.Relevel() {
		var refused *IncompatibleError
		var answer *Error
		switch err := r.compatible(ctx, step.Subject, step.Schema, level); {
		case errors.As(err, &refused):
			step.Reasons = refused.Reasons
		case errors.As(err, &answer) && answer.Status == http.StatusUnprocessableEntity && len(step.Schema.References()) > 0:
			// Apicurio registers schemas that refer to others, and cannot compare them.
		case err != nil:
			return err
		}
	}
	step.State = StateChanged
	if len(step.Reasons) > 0 {
		step.State = StateIncompatible
	}
	return nil
}

func (r *Client) refuse(s *Step, direction string, version int, problems []schema.Incompatibility) {
	for _, problem := range problems {
		s.Reasons = append(s.Reasons, r.redact(fmt.Sprintf("%s %d: %s", direction, version, problem)))
	}
}

// Registered is a schema that is registered now, by this call or before it.
type Registered struct {
	Subject string
	Event   string // full name of the schema
	ID      int
}

// PartialError says that a plan was applied in part: a registry has no transactions over several subjects. What was registered stays.
// Applying the same plan again continues where this one ended.
type PartialError struct {
	Done    []Registered
	Subject string   // the one that failed
	Left    []string // subjects that were not tried
	Err     error
}

func (e *PartialError) Error() string {
	var done []string
	for _, d := range e.Done {
		done = append(done, fmt.Sprintf("%s (id %d)", d.Subject, d.ID))
	}
	text := fmt.Sprintf("%v\nregistered before that, and staying: %s", e.Err, strings.Join(done, ", "))
	if len(e.Left) > 0 {
		text += "\nnot tried: " + strings.Join(e.Left, ", ")
	}
	return text + "\nonce the cause is mended, the same command goes on from here"
}

// Unwrap returns the cause.
func (e *PartialError) Unwrap() error { return e.Err }

// Apply registers the schemas of a plan. A plan with an incompatible step is refused before anything is written, with an
// [*IncompatibleError]. When a step fails after others were written, the error is a [*PartialError].
func (r *Client) Apply(ctx context.Context, p *Plan) ([]Registered, error) {
	if bad := p.Incompatible(); bad != nil {
		return nil, &IncompatibleError{Subject: bad.Subject, Reasons: bad.Reasons}
	}
	var all, written []Registered
	for i := range p.Steps {
		step := &p.Steps[i]
		done := Registered{Subject: step.Subject, Event: step.Schema.FullName(), ID: step.ID}
		err := r.apply(ctx, step, &done)
		if err != nil && len(written) > 0 {
			partial := &PartialError{Done: written, Subject: step.Subject, Err: err}
			for _, left := range p.Steps[i+1:] {
				partial.Left = append(partial.Left, left.Subject)
			}
			err = partial
		}
		if err != nil {
			return all, err
		}
		all = append(all, done)
		if step.State != StateUnchanged || step.Relevel() {
			written = append(written, done)
		}
	}
	return all, nil
}

// apply sets the level before a version that is to be judged by it, and after the first one: some registries have no settings for
// a subject that is not there yet.
func (r *Client) apply(ctx context.Context, step *Step, done *Registered) (err error) {
	if step.Relevel() && step.State != StateNew {
		if err := r.SetCompatibility(ctx, step.Subject, step.Level); err != nil {
			return err
		}
	}
	if step.State == StateUnchanged {
		return nil
	}
	if done.ID, err = r.Register(ctx, step.Subject, step.Schema); err != nil {
		if step.Relevel() && step.State != StateNew {
			err = fmt.Errorf("%w (the subject's level is %s already)", err, step.Level)
		}
		return err
	}
	if step.Relevel() && step.State == StateNew {
		return r.SetCompatibility(ctx, step.Subject, step.Level)
	}
	return nil
}
