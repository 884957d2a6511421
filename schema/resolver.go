package schema

import "context"

// Resolver finds the schema that a value was written with, parsed by [ParseWriter]. The client of package schema/registry is one.
// A resolver must be safe for concurrent use.
type Resolver interface {
	Resolve(ctx context.Context, ref Ref) (*Schema, error)
}
