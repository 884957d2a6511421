package topics

import (
	"context"
	"errors"
	"sync"

	"github.com/headrace/headrace/schema/registry"
)

// registryCalls is how many subjects are looked at side by side.
const registryCalls = 8

// observeSubjects looks at every subject, several at a time, and returns them in order.
func observeSubjects(ctx context.Context, reg *registry.Client, wanted []WantedSubject) ([]LiveSubject, error) {
	live := make([]LiveSubject, len(wanted))
	errs := make([]error, len(wanted))
	places := make(chan struct{}, registryCalls)
	var wait sync.WaitGroup
	for i := range wanted {
		places <- struct{}{}
		wait.Go(func() {
			defer func() { <-places }()
			live[i], errs[i] = observeSubject(ctx, reg, wanted[i])
		})
	}
	wait.Wait()
	return live, errors.Join(errs...)
}

func observeSubject(ctx context.Context, reg *registry.Client, wanted WantedSubject) (LiveSubject, error) {
	live := LiveSubject{Subject: wanted.Subject}
	if wanted.Schema == nil { // only its level is of interest
		level, err := reg.Compatibility(ctx, wanted.Subject)
		live.Level = level
		return live, err
	}
	plan, err := reg.Plan(ctx, registry.Registration{Subject: wanted.Subject, Schema: wanted.Schema, Level: wanted.Level})
	if err != nil {
		return live, err
	}
	for _, step := range plan.Steps { // those that the schema refers to come before it
		for _, reason := range step.Reasons {
			if step.Subject != wanted.Subject {
				reason = "subject " + step.Subject + ": " + reason
			}
			live.Reasons = append(live.Reasons, reason)
		}
		if step.Subject == wanted.Subject {
			live.Version, live.Level, live.Registered = step.Version, step.Current, step.State == registry.StateUnchanged
		}
	}
	return live, nil
}
