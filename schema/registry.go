package schema

import (
	"context"
	"errors"
)

var errUnbuilt = errors.New("schema: not built yet")

// Registry is a client of a schema registry with Confluent's REST API.
type Registry struct {
	url string
}

// RegistryOption configures a [Registry].
type RegistryOption func(*registryConfig) error

type registryConfig struct{}

// Version is one registered version of a subject.
type Version struct {
	Subject string
	Version int
	ID      int
	Schema  *Schema
}

// NewRegistry returns a client of the registry at url, which may carry a path. It does no I/O.
func NewRegistry(url string, opts ...RegistryOption) (*Registry, error) {
	return &Registry{url: url}, nil
}

// RegistryFromEnv is NewRegistry from the environment.
func RegistryFromEnv(opts ...RegistryOption) (*Registry, error) { return nil, errUnbuilt }

// URL returns the base URL without credentials.
func (r *Registry) URL() string { return r.url }

// Schema returns the schema with a registry id.
func (r *Registry) Schema(ctx context.Context, id int) (*Schema, error) { return nil, errUnbuilt }

// SchemaByGUID returns the schema with a GUID.
func (r *Registry) SchemaByGUID(ctx context.Context, guid GUID) (*Schema, error) {
	return nil, errUnbuilt
}

// Resolve returns the schema that ref names.
func (r *Registry) Resolve(ctx context.Context, ref Ref) (*Schema, error) { return nil, errUnbuilt }

// Lookup returns the id under which s is registered for subject.
func (r *Registry) Lookup(ctx context.Context, subject string, s *Schema) (int, error) {
	return 0, errUnbuilt
}

// Register registers s under subject.
func (r *Registry) Register(ctx context.Context, subject string, s *Schema) (int, error) {
	return 0, errUnbuilt
}

// Latest returns the newest version of subject.
func (r *Registry) Latest(ctx context.Context, subject string) (Version, error) {
	return Version{}, errUnbuilt
}

// Version returns version n of subject.
func (r *Registry) Version(ctx context.Context, subject string, n int) (Version, error) {
	return Version{}, errUnbuilt
}

// Versions returns the version numbers of subject.
func (r *Registry) Versions(ctx context.Context, subject string) ([]int, error) {
	return nil, errUnbuilt
}

// Subjects returns the names of all subjects.
func (r *Registry) Subjects(ctx context.Context) ([]string, error) { return nil, errUnbuilt }

// Compatible asks whether s may become the next version of subject: nil, or *IncompatibleError.
func (r *Registry) Compatible(ctx context.Context, subject string, s *Schema) error {
	return errUnbuilt
}

// Compatibility returns the level in force for subject.
func (r *Registry) Compatibility(ctx context.Context, subject string) (Level, error) {
	return "", errUnbuilt
}

// SetCompatibility sets the level of subject.
func (r *Registry) SetCompatibility(ctx context.Context, subject string, level Level) error {
	return errUnbuilt
}

// Close releases idle connections.
func (r *Registry) Close() {}
