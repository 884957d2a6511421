package registry

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/headrace/headrace/schema"
)

const (
	cachedSchemas  = 1024
	cachedUnknowns = 16384
	cachedSubjects = 1024
	// cachedText bounds the texts of the schemas in one cache, with their canonical forms, in which all that they refer to is written out.
	// A parsed schema takes several times the memory of that.
	cachedText = 64 << 20
)

// caches is what a registry client remembers. All of it is bounded, since ids come from records and records from anybody.
type caches struct {
	schemas *schemaCache[schema.Ref, *schema.Schema]    // immutable, so kept until there is no room
	unknown *lru.Cache[schema.Ref, time.Time]           // until when not to ask again
	ids     *lru.Cache[registration, int]               // id of a schema under a subject
	missing *lru.Cache[registration, time.Time]         // until when not to look again
	absent  *lru.Cache[string, time.Time]               // subjects that the registry does not have, until when not to ask under them again
	latest  *schemaCache[string, latestVersion]         // by subject
	parts   *schemaCache[schema.Origin, *schema.Schema] // schemas that others refer to
}

type registration struct {
	subject  string
	identity [32]byte
}

type latestVersion struct {
	version Version
	until   time.Time
}

func newCaches() (*caches, error) {
	var c caches
	var errs [7]error
	c.schemas, errs[0] = newSchemaCache[schema.Ref](cachedSchemas, textOf)
	c.unknown, errs[1] = lru.New[schema.Ref, time.Time](cachedUnknowns)
	c.ids, errs[2] = lru.New[registration, int](cachedSubjects)
	c.latest, errs[3] = newSchemaCache[string](cachedSubjects, func(v latestVersion) int { return textOf(v.version.Schema) })
	c.parts, errs[4] = newSchemaCache[schema.Origin](cachedSchemas, textOf)
	c.missing, errs[5] = lru.New[registration, time.Time](cachedSubjects)
	c.absent, errs[6] = lru.New[string, time.Time](cachedSubjects)
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return &c, nil
}

// schemaCache is an LRU of schemas that is bounded by their number and by the length of their texts.
type schemaCache[K comparable, V any] struct {
	mu   sync.Mutex
	lru  *lru.Cache[K, V]
	text int // of all values
	size func(V) int
}

func textOf(s *schema.Schema) int { return len(s.String()) + 2*len(s.Canonical()) }

func newSchemaCache[K comparable, V any](most int, size func(V) int) (*schemaCache[K, V], error) {
	c := &schemaCache[K, V]{size: size}
	var err error
	c.lru, err = lru.NewWithEvict(most, func(_ K, gone V) { c.text -= size(gone) }) // within Add and Remove
	return c, err
}

// Get returns what is kept under a key.
func (c *schemaCache[K, V]) Get(key K) (V, bool) { return c.lru.Get(key) }

// Add keeps a value under a key, and lets go of the oldest for it.
func (c *schemaCache[K, V]) Add(key K, v V) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(key)
	c.lru.Add(key, v)
	for c.text += c.size(v); c.text > cachedText && c.lru.Len() > 1; {
		c.lru.RemoveOldest()
	}
}

// Remove lets go of a key.
func (c *schemaCache[K, V]) Remove(key K) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(key)
}
