package registry

import (
	"encoding/hex"
	"fmt"

	"github.com/headrace/headrace/internal/printable"
	"github.com/headrace/headrace/schema"
)

// known is what a snapshot file answers. It does not change once loaded.
type known struct {
	schemas  map[schema.Ref]*schema.Schema
	parts    map[schema.Origin]*schema.Schema
	subjects map[string][]knownVersion // in the order of the file
	missing  map[registration]bool
	complete bool
}

type knownVersion struct {
	version  int
	id       int
	schema   *schema.Schema
	identity [32]byte
}

// knowing parses what a file holds. One entry that is not right condemns the file: nobody but this package writes them.
func knowing(file *snapshotFile) (*known, string) {
	l := newSnapshotLoader(file)
	k := l.known
	for i := range file.entries {
		if reason := l.add(&file.entries[i]); reason != "" {
			return nil, fmt.Sprintf("line %d: %s", i+2, reason)
		}
	}
	for i, miss := range file.misses {
		var identity [32]byte
		if n, err := hex.Decode(identity[:], []byte(miss.Identity)[:min(len(miss.Identity), 64)]); err != nil || n != len(identity) || len(miss.Identity) != 64 {
			return nil, fmt.Sprintf("line %d: the identity is not 64 hexadecimal digits", len(file.entries)+i+2)
		}
		k.missing[registration{miss.Subject, identity}] = true
	}
	return k, ""
}

// snapshotLoader parses entries after those that they refer to.
type snapshotLoader struct {
	known   *known
	at      map[schema.Origin]*snapshotEntry
	loading map[schema.Origin]bool
	failed  map[schema.Origin]string // why
}

func newSnapshotLoader(file *snapshotFile) *snapshotLoader {
	l := &snapshotLoader{
		known: &known{
			schemas: map[schema.Ref]*schema.Schema{}, parts: map[schema.Origin]*schema.Schema{}, subjects: map[string][]knownVersion{},
			missing: map[registration]bool{}, complete: file.header.Complete,
		},
		at: map[schema.Origin]*snapshotEntry{}, loading: map[schema.Origin]bool{}, failed: map[schema.Origin]string{},
	}
	for i := range file.entries {
		if e := &file.entries[i]; e.Version > 0 {
			l.at[schema.Origin{Subject: e.Subject, Version: e.Version}] = e
		}
	}
	return l
}

func (l *snapshotLoader) add(e *snapshotEntry) string {
	if !e.named() {
		return "it has no id that a registry gives"
	}
	s, reason := l.parse(e)
	if reason != "" {
		return reason
	}
	if e.ID > 0 {
		l.known.schemas[schema.RefID(e.ID)] = s
	}
	if e.GUID != "" {
		guid, ok := parseGUID(e.GUID)
		if !ok {
			return "the guid is not one"
		}
		l.known.schemas[schema.Ref{GUID: guid, ByGUID: true}] = s
	}
	if e.Subject != "" && e.ID > 0 && !e.Deleted {
		v := knownVersion{version: e.Version, id: e.ID, schema: s, identity: registrationIdentity(s)}
		l.known.subjects[e.Subject] = append(l.known.subjects[e.Subject], v)
	}
	return ""
}

// parse reads an entry's schema, once, after those it refers to. Without a schema it says why there is none.
func (l *snapshotLoader) parse(e *snapshotEntry) (s *schema.Schema, reason string) {
	at := schema.Origin{Subject: e.Subject, Version: e.Version}
	if known := l.known.parts[at]; known != nil {
		return known, ""
	}
	if why := l.failed[at]; why != "" && e.Version > 0 {
		return nil, why
	}
	defer func() {
		if reason != "" {
			l.failed[at] = reason
		}
	}()
	if e.Version > 0 {
		if l.loading[at] {
			return nil, fmt.Sprintf("references go round in a circle at subject %s version %d", printable.Clip(e.Subject), e.Version)
		}
		l.loading[at] = true
		defer delete(l.loading, at)
	}
	if len(e.References) > maxReferences {
		return nil, fmt.Sprintf("it refers to more than %d schemas", maxReferences)
	}
	refs := make([]*schema.Schema, len(e.References))
	for i, ref := range e.References {
		target := l.at[schema.Origin{Subject: ref.Subject, Version: ref.Version}]
		if target == nil {
			return nil, fmt.Sprintf("it refers to subject %s version %d, which is not in the file", printable.Clip(ref.Subject), ref.Version)
		}
		var reason string
		if refs[i], reason = l.parse(target); reason != "" {
			return nil, reason
		}
	}
	if reason := overReferences(refs); reason != "" {
		return nil, reason
	}
	s, err := schema.ParseWriter(e.Schema, refs...)
	if err != nil {
		return nil, printable.Clip(err.Error())
	}
	if e.Version > 0 {
		s = s.WithOrigin(at)
		l.known.parts[at] = s
	}
	return s, ""
}

func parseGUID(text string) (schema.GUID, bool) {
	var g schema.GUID
	if len(text) != 36 {
		return g, false
	}
	digits := text[0:8] + text[9:13] + text[14:18] + text[19:23] + text[24:36]
	_, err := hex.Decode(g[:], []byte(digits))
	return g, err == nil && g.String() == text
}

// id returns the id of a schema under a subject: by its text first, then by what it means for bytes, the newest version first.
func (k *known) id(subject string, s *schema.Schema) (int, bool) {
	versions := k.subjects[subject]
	identity := registrationIdentity(s)
	for _, same := range []func(v *knownVersion) bool{
		func(v *knownVersion) bool { return v.identity == identity },
		func(v *knownVersion) bool { return v.schema.SameData(s) },
	} {
		found := knownVersion{version: -1}
		for i := range versions {
			if versions[i].version > found.version && same(&versions[i]) {
				found = versions[i]
			}
		}
		if found.version >= 0 {
			return found.id, true
		}
	}
	return 0, false
}

// lacks reports whether the subject is known not to have the schema: it was asked for it and had not, or it was not there when all
// subjects were written down and the schema was under another.
func (k *known) lacks(subject string, s *schema.Schema) bool {
	if k.missing[registration{subject, registrationIdentity(s)}] {
		return true
	}
	if !k.complete || len(k.subjects[subject]) > 0 {
		return false
	}
	for other := range k.subjects {
		if _, ok := k.id(other, s); ok {
			return true
		}
	}
	return false
}

// latest returns the newest version of a subject.
func (k *known) latest(subject string) (Version, bool) {
	var newest knownVersion
	for _, v := range k.subjects[subject] {
		if v.version > newest.version {
			newest = v
		}
	}
	return Version{Subject: subject, Version: newest.version, ID: newest.id, Schema: newest.schema}, newest.version > 0
}
