package registry

import (
	"encoding/hex"
	"slices"
	"sync"
	"time"

	"github.com/riferrei/srclient"

	"github.com/headrace/headrace/schema"
)

const (
	// snapshotDelay gathers what is learnt at a start into few writings.
	snapshotDelay = time.Second
	// snapshotPatience is how long the registry may take for what the file knows too.
	snapshotPatience = 2 * time.Second
	// snapshotOutage is how long the file answers without asking, once the registry has not.
	snapshotOutage = 5 * time.Second
)

// snapshot is a client's snapshot file: what it held at the start, and what has been learnt since. A nil snapshot does nothing.
type snapshot struct {
	path  string
	known *known // nil when there was no file that can be used

	mu      sync.Mutex
	file    snapshotFile
	at      map[snapshotPlace]int // position of each entry in file.entries
	missing map[snapshotMiss]bool
	timer   *time.Timer // of the writing to come
	closed  bool
	writing sync.WaitGroup
	disk    sync.Mutex
	err     error     // why the file was not used, or could not be written
	until   time.Time // of the outage
}

// snapshotPlace is where an entry is known; what is learnt of a place replaces what was known of it.
type snapshotPlace struct {
	id            int
	guid, subject string
	version       int
}

func (e *snapshotEntry) place() snapshotPlace {
	return snapshotPlace{e.ID, e.GUID, e.Subject, e.Version}
}

// openSnapshot reads the file. When it cannot be used, lenient decides whether that is an error or a beginning without one.
func openSnapshot(path, url string, lenient bool) (*snapshot, error) {
	if path == "" {
		return nil, nil //nolint:nilnil // a nil snapshot does nothing
	}
	s := &snapshot{path: path, at: map[snapshotPlace]int{}, missing: map[snapshotMiss]bool{}}
	file, err := readSnapshot(path, url)
	if err == nil && file != nil {
		var reason string
		if s.known, reason = knowing(file); reason != "" {
			err = &SnapshotError{Path: path, Reason: reason}
		}
	}
	if err != nil && !lenient {
		return nil, err
	}
	s.err = err
	if err != nil || file == nil {
		s.file.header.Registry = url
		return s, nil //nolint:nilerr // the state tells of it, as the caller has chosen
	}
	s.file = *file
	for i := range s.file.entries {
		s.at[s.file.entries[i].place()] = i
	}
	for _, miss := range s.file.misses {
		s.missing[miss] = true
	}
	return s, nil
}

func (s *snapshot) state() SnapshotState {
	if s == nil {
		return SnapshotState{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return SnapshotState{
		Path: s.path, Entries: len(s.file.entries), Written: s.file.header.Written, Outage: time.Now().Before(s.until), Err: s.err,
	}
}

// named reports whether an entry has what a registry names schemas by. One without it would make the file unreadable.
func (e *snapshotEntry) named() bool {
	switch {
	case e.ID < 0, e.ID > 1<<31-1, e.Version < 0, e.Version > 0 && e.Subject == "":
		return false
	}
	return e.ID > 0 || e.GUID != "" || e.Subject != ""
}

// learn notes what the registry said, as the newest entry.
func (s *snapshot) learn(e snapshotEntry) {
	if s == nil || !e.named() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, place := s.file.entries, e.place()
	before := len(entries)
	at := schema.Origin{Subject: e.Subject, Version: e.Version}
	same := slices.ContainsFunc(entries, func(other snapshotEntry) bool { return other.isOf(at) && other.Schema == e.Schema })
	if i, ok := s.at[place]; ok {
		if entries[i].Schema == e.Schema {
			return
		}
		entries = slices.Delete(entries, i, i+1)
	} else if len(entries) >= maxSnapshotEntries {
		entries = slices.Delete(entries, 0, maxSnapshotEntries/8)
	}
	if e.Version > 0 && !same {
		// It was another schema before. What refers to it was parsed with that, and may not fit what it is now.
		entries = slices.DeleteFunc(entries, func(other snapshotEntry) bool { return other.isOf(at) || other.refersTo(at) })
	}
	moved := len(entries) < before
	s.file.entries = append(entries, e)
	if moved {
		clear(s.at)
		for i := range s.file.entries {
			s.at[s.file.entries[i].place()] = i
		}
	}
	s.at[place] = len(s.file.entries) - 1
	s.changed()
}

func (e *snapshotEntry) isOf(at schema.Origin) bool {
	return e.Subject == at.Subject && e.Version == at.Version
}

func (e *snapshotEntry) refersTo(at schema.Origin) bool {
	return slices.ContainsFunc(e.References, func(ref srclient.Reference) bool {
		return schema.Origin{Subject: ref.Subject, Version: ref.Version} == at
	})
}

// miss notes that a subject lacks a schema, until it is learnt that it has it.
func (s *snapshot) miss(subject string, identity [32]byte) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	miss := snapshotMiss{subject, hex.EncodeToString(identity[:])}
	if s.missing[miss] {
		return
	}
	if len(s.file.misses) >= maxSnapshotMisses {
		s.file.misses = nil
		clear(s.missing)
	}
	s.missing[miss] = true
	s.file.misses = append(s.file.misses, miss)
	s.changed()
}

// changed plans a writing, unless one is planned.
func (s *snapshot) changed() {
	if s.timer != nil || s.closed {
		return
	}
	s.writing.Add(1)
	s.timer = time.AfterFunc(snapshotDelay, func() {
		defer s.writing.Done()
		s.write()
	})
}

// write writes the file. Nobody who learns something meanwhile waits for the disk.
func (s *snapshot) write() {
	s.disk.Lock()
	defer s.disk.Unlock()
	s.mu.Lock()
	s.timer = nil
	file := snapshotFile{header: s.file.header, entries: resolvable(s.file.entries), misses: slices.Clone(s.file.misses)}
	s.mu.Unlock()
	file.header.Written = time.Now().UTC().Truncate(time.Second)
	err := file.write(s.path)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err = err; err == nil {
		s.file.header.Written = file.header.Written
	}
}

// resolvable returns the entries without those that refer to what is not among them: a file that has one would be refused.
func resolvable(entries []snapshotEntry) []snapshotEntry {
	kept := slices.Clone(entries)
	for before := -1; before != len(kept); {
		before = len(kept)
		there := make(map[schema.Origin]bool, len(kept))
		for i := range kept {
			there[schema.Origin{Subject: kept[i].Subject, Version: kept[i].Version}] = true
		}
		kept = slices.DeleteFunc(kept, func(e snapshotEntry) bool {
			return slices.ContainsFunc(e.References, func(ref srclient.Reference) bool {
				return ref.Version <= 0 || !there[schema.Origin{Subject: ref.Subject, Version: ref.Version}]
			})
		})
	}
	return kept
}

// close writes what is still to be written.
func (s *snapshot) close() {
	if s == nil {
		return
	}
	s.mu.Lock()
	s.closed = true
	due := s.timer != nil && s.timer.Stop()
	s.mu.Unlock()
	if due {
		s.write()
		s.writing.Done()
	}
	s.writing.Wait()
}

// answering returns what the file knows, nil when there is nothing.
func (s *snapshot) answering() *known {
	if s == nil {
		return nil
	}
	return s.known
}

// outage reports whether the registry is not to be asked for what the file knows.
func (s *snapshot) outage() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Before(s.until)
}

// answered notes whether the registry did.
func (s *snapshot) answered(did bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.until = time.Time{}
	if !did {
		s.until = time.Now().Add(snapshotOutage)
	}
}
