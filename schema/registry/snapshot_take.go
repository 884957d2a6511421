package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/headrace/headrace/internal/printable"
	"github.com/headrace/headrace/schema"
)

// SnapshotScope says what [Client.WriteSnapshot] takes. Its zero value is all of the registry.
type SnapshotScope struct {
	Subjects []string // these and what they refer to; nil is all subjects, the deleted ones' ids included

	// URL is the registry's base URL as the services that read the file have it; "" is the client's own.
	URL string
}

// WriteSnapshot writes every version of the scope's subjects to a file for [WithSnapshot], replacing what is there, and returns what
// it holds. Versions that were deleted, but not for good, are taken too: old events carry their ids.
//
// It is an error when the registry has more than the file may hold: name the subjects that the service needs. A version that cannot be
// read is an error when the scope names subjects. A snapshot of all subjects leaves it out, with what refers to it, and lists it in
// SnapshotState.Unreadable.
func (r *Client) WriteSnapshot(ctx context.Context, path string, scope SnapshotScope) (SnapshotState, error) {
	subjects, err := r.snapshotSubjects(ctx, scope)
	if err != nil {
		return SnapshotState{}, err
	}
	take := taking{Client: r, entries: map[schema.Origin]snapshotEntry{}}
	var todo []schema.Origin
	for subject, live := range subjects {
		versions, err := take.versions(ctx, subject, live)
		if err != nil {
			return SnapshotState{}, err
		}
		todo = append(todo, versions...)
	}
	for len(todo) > 0 {
		if len(take.entries)+len(todo) > maxSnapshotEntries {
			return SnapshotState{}, fmt.Errorf("registry snapshot %s: there are more than %d versions: name fewer subjects", path, maxSnapshotEntries)
		}
		if todo, err = take.fetch(ctx, todo); err != nil {
			return SnapshotState{}, err
		}
	}
	file := take.file(scope)
	if file.header.Registry == "" {
		file.header.Registry = r.URL()
	}
	unreadable := file.dropUnreadable()
	if scope.Subjects != nil && len(unreadable) > 0 {
		return SnapshotState{}, fmt.Errorf("registry snapshot %s: %w", path, errors.Join(unreadable...))
	}
	if _, reason := knowing(file); reason != "" {
		return SnapshotState{}, fmt.Errorf("registry snapshot %s: what the registry says does not fit together: %s", path, reason)
	}
	if err := file.write(path); err != nil {
		return SnapshotState{}, err
	}
	return SnapshotState{Path: path, Entries: len(file.entries), Written: file.header.Written, Unreadable: unreadable}, nil
}

// dropUnreadable takes out the entries whose schemas cannot be read, and says why.
func (f *snapshotFile) dropUnreadable() (why []error) {
	loader := newSnapshotLoader(f)
	kept := f.entries[:0]
	for _, e := range f.entries {
		if _, reason := loader.parse(&e); reason != "" {
			why = append(why, fmt.Errorf("subject %s version %d cannot be read: %s", printable.Clip(e.Subject), e.Version, reason))
		} else {
			kept = append(kept, e)
		}
	}
	f.entries = kept
	return why
}

// taking collects versions of subjects.
type taking struct {
	*Client
	live    map[schema.Origin]bool // not deleted
	entries map[schema.Origin]snapshotEntry
	text    atomic.Int64 // bytes so far
}

// snapshotSubjects returns the subjects to take, and whether each is there or deleted.
func (r *Client) snapshotSubjects(ctx context.Context, scope SnapshotScope) (map[string]bool, error) {
	found := map[string]bool{}
	for _, subject := range scope.Subjects {
		found[subject] = true
	}
	if scope.Subjects != nil {
		return found, nil
	}
	live, err := r.Subjects(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := r.within(ctx)
	defer cancel()
	var all []string
	if err := r.exchange(ctx).call(http.MethodGet, "/subjects?deleted=true", nil, &all); err != nil {
		return nil, err
	}
	for _, subject := range all {
		found[subject] = false
	}
	for _, subject := range live {
		found[subject] = true
	}
	return found, nil
}

// versions lists the versions of a subject, deleted ones included.
func (t *taking) versions(ctx context.Context, subject string, there bool) ([]schema.Origin, error) {
	if t.live == nil {
		t.live = map[schema.Origin]bool{}
	}
	if there {
		live, err := t.Versions(ctx, subject)
		if err != nil {
			return nil, err
		}
		for _, n := range live {
			t.live[schema.Origin{Subject: subject, Version: n}] = true
		}
	}
	ctx, cancel := t.within(ctx)
	defer cancel()
	var all []int
	err := t.exchange(ctx).call(http.MethodGet, "/subjects/"+url.PathEscape(subject)+"/versions?deleted=true", nil, &all)
	var answer *Error
	if errors.As(err, &answer) && answer.Status == http.StatusNotFound && !there {
		return nil, nil // a registry that lists deleted subjects and not their versions
	}
	if err != nil {
		return nil, fmt.Errorf("subject %s: %w", subject, err)
	}
	var todo []schema.Origin
	for _, n := range all {
		todo = append(todo, schema.Origin{Subject: subject, Version: n})
	}
	return todo, nil
}

// fetch asks for versions, a few at a time, and returns those they refer to that are not there yet.
func (t *taking) fetch(ctx context.Context, todo []schema.Origin) ([]schema.Origin, error) {
	answers := make([]answerSchema, len(todo))
	group, together := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i, at := range todo {
		group.Go(func() error {
			ctx, cancel := t.within(together)
			defer cancel()
			path := fmt.Sprintf("/subjects/%s/versions/%d?deleted=true", url.PathEscape(at.Subject), at.Version)
			if err := t.exchange(ctx).call(http.MethodGet, path, nil, &answers[i]); err != nil {
				return fmt.Errorf("subject %s version %d: %w", at.Subject, at.Version, err)
			}
			size := len(answers[i].Schema)
			for _, ref := range answers[i].References {
				size += len(ref.Name) + len(ref.Subject)
			}
			if t.text.Add(int64(size)) > maxSnapshotBytes {
				return fmt.Errorf("the schemas are more than %d bytes together: name fewer subjects", maxSnapshotBytes)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	next := map[schema.Origin]bool{}
	for i, a := range answers {
		at := todo[i]
		if a.SchemaType != "" && a.SchemaType != "AVRO" {
			continue // Protobuf and JSON schemas are no business of ours
		}
		if _, ok := parseGUID(a.GUID); !ok {
			a.GUID = ""
		}
		t.entries[at] = snapshotEntry{
			ID: a.ID, GUID: a.GUID, Subject: at.Subject, Version: at.Version, Deleted: !t.live[at], Schema: a.Schema, References: a.References,
		}
		for _, ref := range a.References {
			next[schema.Origin{Subject: ref.Subject, Version: ref.Version}] = true
		}
	}
	var missing []schema.Origin
	for at := range next {
		if _, ok := t.entries[at]; !ok {
			missing = append(missing, at)
		}
	}
	return missing, nil
}

func (t *taking) file(scope SnapshotScope) *snapshotFile {
	file := &snapshotFile{header: snapshotHeader{
		Registry: scope.URL, Written: time.Now().UTC().Truncate(time.Second), Complete: scope.Subjects == nil,
	}}
	for _, e := range t.entries {
		file.entries = append(file.entries, e)
	}
	slices.SortFunc(file.entries, func(a, b snapshotEntry) int {
		switch {
		case a.Subject < b.Subject:
			return -1
		case a.Subject > b.Subject:
			return 1
		}
		return a.Version - b.Version
	})
	return file
}
