package topics

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/headrace/headrace/schema"
)

// registryCalls is how many subjects are looked at side by side.
const registryCalls = 8

// observeSubjects looks at every subject, several at a time, and returns them in order.
func observeSubjects(ctx context.Context, registry *schema.Registry, wanted []WantedSubject) ([]LiveSubject, error) {
	live := make([]LiveSubject, len(wanted))
	errs := make([]error, len(wanted))
	places := make(chan struct{}, registryCalls)
	var wait sync.WaitGroup
	for i := range wanted {
		places <- struct{}{}
		wait.Go(func() {
			defer func() { <-places }()
			live[i], errs[i] = observeSubject(ctx, registry, wanted[i])
		})
	}
	wait.Wait()
	return live, errors.Join(errs...)
}

func observeSubject(ctx context.Context, registry *schema.Registry, wanted WantedSubject) (LiveSubject, error) {
	live := LiveSubject{Subject: wanted.Subject}
	level, err := registry.Compatibility(ctx, wanted.Subject)
	if err != nil {
		return live, err
	}
	live.Level = level
	versions, err := registry.Versions(ctx, wanted.Subject)
	if subjectMissing(err) {
		return live, nil
	}
	if err != nil {
		return live, err
	}
	live.Versions = len(versions)
	if wanted.Schema == nil {
		return live, nil // only its level is of interest
	}
	_, err = registry.Lookup(ctx, wanted.Subject, wanted.Schema)
	var missing *schema.NotRegisteredError
	switch {
	case err == nil:
		live.Registered = true
		return live, nil
	case !errors.As(err, &missing):
		return live, err
	}
	live.Reasons, err = reasons(ctx, registry, wanted, level, versions)
	return live, err
}

func subjectMissing(err error) bool {
	var answer *schema.RegistryError
	return errors.As(err, &answer) && answer.Status == http.StatusNotFound
}

// reasons says why a schema may not be a subject's next version: first by our own check, which names places, then by the registry's,
// whose word counts in the end. The registry goes by the level that is in force, so that it is asked only when that stays.
func reasons(ctx context.Context, registry *schema.Registry, wanted WantedSubject, inForce schema.Level, versions []int) ([]string, error) {
	level := wanted.Level
	if level == "" {
		level = inForce
	}
	if len(versions) == 0 || level == schema.None {
		return nil, nil
	}
	var olds []*schema.Schema
	numbers := versions
	if level == schema.Backward || level == schema.Forward || level == schema.Full {
		numbers = versions[len(versions)-1:]
	}
	for _, n := range numbers {
		version, err := registry.Version(ctx, wanted.Subject, n)
		if err != nil {
			return nil, fmt.Errorf("comparing with version %d: %w", n, err)
		}
		olds = append(olds, version.Schema)
	}
	var found []string
	for _, problem := range schema.CheckLevel(level, wanted.Schema, olds...) {
		found = append(found, problem.String())
	}
	if len(found) > 0 || level != inForce {
		return slices.Compact(found), nil
	}
	err := registry.Compatible(ctx, wanted.Subject, wanted.Schema)
	var refused *schema.IncompatibleError
	var unregistered *schema.NotRegisteredError
	switch {
	case errors.As(err, &refused):
		return refused.Reasons, nil
	case errors.As(err, &unregistered):
		return nil, nil // it refers to a schema that is new as well
	}
	return nil, err
}
