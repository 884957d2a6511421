package schema

import "context"

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
		s.answered(err == nil)
		return v, err
	}
	s.answered(false)
	return known, nil
}
