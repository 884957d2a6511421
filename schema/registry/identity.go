package registry

import (
	"crypto/sha256"
	"fmt"

	"github.com/headrace/headrace/schema"
)

// registrationIdentity is what a registry tells schemas apart by: the whole text, documentation and defaults included, and that of
// the references.
func registrationIdentity(s *schema.Schema) [32]byte {
	h := sha256.New()
	seen := map[*schema.Schema]bool{}
	var add func(s *schema.Schema)
	add = func(s *schema.Schema) {
		if seen[s] {
			return
		}
		seen[s] = true
		text, refs := s.String(), s.References()
		_, _ = fmt.Fprintf(h, "%d:%s%d[", len(text), text, len(refs)) // a hash never fails
		for _, ref := range refs {
			add(ref)
		}
	}
	add(s)
	return [32]byte(h.Sum(nil))
}
