package schema

import (
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	cachedSchemas  = 1024
	cachedUnknowns = 16384
	cachedSubjects = 1024
)

// caches is what a registry client remembers. All of it is bounded, since ids come from records and records from anybody.
type caches struct {
	schemas *lru.Cache[Ref, *Schema]            // immutable, so kept until there is no room
	unknown *lru.Cache[Ref, time.Time]          // until when not to ask again
	ids     *lru.Cache[registration, int]       // id of a schema under a subject
	missing *lru.Cache[registration, time.Time] // until when not to look again
	latest  *lru.Cache[string, latestVersion]   // by subject
	parts   *lru.Cache[origin, *Schema]         // schemas that others refer to
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
	var errs [6]error
	c.schemas, errs[0] = lru.New[Ref, *Schema](cachedSchemas)
	c.unknown, errs[1] = lru.New[Ref, time.Time](cachedUnknowns)
	c.ids, errs[2] = lru.New[registration, int](cachedSubjects)
	c.latest, errs[3] = lru.New[string, latestVersion](cachedSubjects)
	c.parts, errs[4] = lru.New[origin, *Schema](cachedSchemas)
	c.missing, errs[5] = lru.New[registration, time.Time](cachedSubjects)
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return &c, nil
}
