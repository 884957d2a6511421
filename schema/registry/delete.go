package registry

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// Deletion says what [Client.Delete] deletes.
type Deletion struct {
	Subject string
	Version int // one version; 0 is all of the subject

	// Permanent removes the schemas' ids too: events that were written with them can no longer be decoded. Registries ask for a soft
	// deletion first, and refuse to delete what other schemas refer to.
	Permanent bool
}

// Delete deletes a subject or one version of it, and returns the deleted versions. A soft deletion hides them: their ids still resolve,
// and registering the same schema again restores them.
func (r *Client) Delete(ctx context.Context, d Deletion) ([]int, error) {
	ctx, cancel := r.within(ctx)
	defer cancel()
	path, versions := "/subjects/"+url.PathEscape(d.Subject), []int{}
	var out any = &versions
	if d.Version != 0 {
		versions = []int{0}
		path, out = fmt.Sprintf("%s/versions/%d", path, d.Version), &versions[0]
	}
	if d.Permanent {
		path += "?permanent=true"
	}
	if err := r.exchange(ctx).call(http.MethodDelete, path, nil, out); err != nil {
		if d.Version != 0 {
			return nil, fmt.Errorf("subject %s version %d: %w", d.Subject, d.Version, err)
		}
		return nil, fmt.Errorf("subject %s: %w", d.Subject, err)
	}
	r.caches.latest.Remove(d.Subject)
	for _, key := range r.caches.ids.Keys() {
		if key.subject == d.Subject {
			r.caches.ids.Remove(key)
		}
	}
	return versions, nil
}
