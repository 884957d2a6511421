package registry

import (
	"context"
	"fmt"
	"time"
)

// orKnown asks the registry for what the snapshot file knows too, and answers from the file when the registry is down. The registry
// goes first whenever it can: what it says is true now.
func orKnown[V any](ctx context.Context, s *snapshot, known V, ask func(context.Context) (V, error)) (V, error) {
	if s.outage() {
		return known, nil
	}
	asking, cancel := context.WithTimeout(ctx, snapshotPatience)
	defer cancel()
	v, err := ask(asking)
	if err == nil || !Unavailable(err) {
		if ctx.Err() == nil { // else the caller has left, and nobody knows
			s.answered(true)
		}
		return v, err
	}
	s.answered(false)
	return known, nil
}

// nor adds to an outage's error that the snapshot file does not help either, and how old it is.
func (s *snapshot) nor(err error) error {
	if s == nil || err == nil || !Unavailable(err) {
		return err
	}
	s.mu.Lock()
	written := s.file.header.Written
	s.mu.Unlock()
	if written.IsZero() {
		return fmt.Errorf("%w; the snapshot %s has nothing yet", err, s.path)
	}
	return fmt.Errorf("%w; nor is it in the snapshot %s, written %s", err, s.path, written.Format(time.RFC3339))
}
