package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/riferrei/srclient"

	"github.com/headrace/headrace/schema"
)

// Compatible asks the registry whether s may become the next version of a subject, at the subject's compatibility level. It returns nil
// when it may, as for a new subject, and an [*IncompatibleError] with the registry's reasons when it may not.
func (r *Client) Compatible(ctx context.Context, subject string, s *schema.Schema) error {
	ctx, cancel := r.within(ctx)
	defer cancel()
	level, err := r.Compatibility(ctx, subject)
	var down *UnavailableError
	if errors.As(err, &down) {
		return err
	}
	// A registry that does not tell its levels, or not to everybody, goes by them all the same.
	return r.compatible(ctx, subject, s, level)
}

// compatible is Compatible for a subject whose level is known, or "".
func (r *Client) compatible(ctx context.Context, subject string, s *schema.Schema, level schema.Level) error {
	refs, err := r.references(ctx, s, false)
	if err != nil {
		return err
	}
	path := "/compatibility/subjects/" + url.PathEscape(subject) + "/versions"
	// Asked without a version, Confluent's registry compares with those that the level looks at, and Apicurio with all of them at any
	// level, which refuses what it would register. Some registries know one of the two only.
	first, second := path, path+"/latest"
	if level != "" && !transitive(level) {
		first, second = second, first
	}
	var a answerCheck
	err = r.exchange(ctx).call(http.MethodPost, first+"?verbose=true", requestOf(s, refs), &a)
	var answer *Error
	if errors.As(err, &answer) && (answer.Status == http.StatusNotFound && answer.Code == 0 || answer.Status == http.StatusMethodNotAllowed) {
		err = r.exchange(ctx).call(http.MethodPost, second+"?verbose=true", requestOf(s, refs), &a)
	}
	switch {
	case errors.As(err, &answer) && answer.Status == http.StatusNotFound && (answer.Code == codeSubjectNotFound || answer.Code == codeVersionNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("subject %s: %w", subject, err)
	case a.Compatible == nil:
		return fmt.Errorf("subject %s: %w", subject, &Error{URL: r.URL() + path, Status: http.StatusOK, Message: "the answer does not say is_compatible"})
	case *a.Compatible:
		return nil
	}
	return &IncompatibleError{Subject: subject, Reasons: a.reasons(r.said)}
}

// answerCheck is the answer of a check, which is 200 in either case. srclient's method asks for no reasons.
type answerCheck struct {
	Compatible *bool    `json:"is_compatible"`
	Messages   []string `json:"messages"`
	Reason     string   `json:"reason"` // Apicurio's
}

func (a *answerCheck) reasons(said func(string) string) []string {
	reasons := make([]string, 0, len(a.Messages))
	for _, m := range a.Messages {
		reasons = append(reasons, said(m))
	}
	if len(reasons) == 0 {
		reasons = append(reasons, cmp.Or(said(a.Reason), "the registry gave no reason"))
	}
	return reasons
}

// Compatibility returns the compatibility level of a subject: its own, or else the registry's. With an empty subject it returns the
// registry's.
func (r *Client) Compatibility(ctx context.Context, subject string) (schema.Level, error) {
	ctx, cancel := r.within(ctx)
	defer cancel()
	x := r.exchange(ctx)
	var level *srclient.CompatibilityLevel
	var err error
	if subject == "" {
		level, err = x.confluent().GetGlobalCompatibilityLevel()
	} else {
		level, err = x.confluent().GetCompatibilityLevel(subject, true)
	}
	var answer *Error
	err = x.fault(err)
	if errors.As(err, &answer) && subject != "" && (answer.Code == codeLevelNotSet || answer.Code == codeSubjectNotFound) {
		return r.Compatibility(ctx, "")
	}
	if err != nil {
		return "", fmt.Errorf("compatibility of subject %q: %w", subject, err)
	}
	return schema.ParseLevel(r.said(level.String()))
}

// SetCompatibility sets the compatibility level of a subject, or with an empty subject that of the registry.
func (r *Client) SetCompatibility(ctx context.Context, subject string, level schema.Level) error {
	if _, err := schema.ParseLevel(string(level)); err != nil {
		return err
	}
	ctx, cancel := r.within(ctx)
	defer cancel()
	x := r.exchange(ctx)
	var err error
	if subject == "" {
		var ignored map[string]any
		err = x.call(http.MethodPut, "/config", map[string]schema.Level{"compatibility": level}, &ignored)
	} else {
		_, err = x.confluent().ChangeSubjectCompatibilityLevel(subject, srclient.CompatibilityLevel(level))
		err = x.fault(err)
	}
	if err != nil {
		return fmt.Errorf("compatibility of subject %q: %w", subject, err)
	}
	return nil
}
