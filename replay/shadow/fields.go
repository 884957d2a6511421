package shadow

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/headrace/headrace/internal/schemacache"
	"github.com/headrace/headrace/schema/registry"
)

// The whole of an event, as a field.
const (
	fieldType  = "(type)"
	fieldValue = "(value)"
)

// ignored is the paths of fields that may differ.
type ignored map[string]bool

func parseIgnored(paths []string) (ignored, error) {
	set := ignored{}
	for _, path := range paths {
		if path == "" || strings.HasPrefix(path, ".") || strings.HasSuffix(path, ".") || strings.Contains(path, "..") {
			return nil, fmt.Errorf("compare: ignored field %q is no path: write a.b for the field b of a, a[].b for that of each item", path)
		}
		set[path] = true
	}
	return set, nil
}

// eventReader decodes values for the comparison.
type eventReader struct{ schemas *schemacache.Cache } // nil without a registry

func newEventReader(reg *registry.Client) *eventReader {
	if reg == nil {
		return &eventReader{}
	}
	return &eventReader{schemas: schemacache.New(reg, "")}
}

// by is what wrote an event; nil where that is not known.
func (r *eventReader) by(ctx context.Context, w *written) (by *schemacache.Writer, err error) {
	if r.schemas == nil || w.body == nil {
		return nil, nil
	}
	err = schemacache.Retry(ctx, func() error {
		by, err = r.schemas.Find(ctx, w.ref)
		return err
	})
	if err != nil || by.Err != nil {
		return nil, err
	}
	return by, nil
}

// name is the full name of an event's type, "" where it is not known.
func (r *eventReader) name(ctx context.Context, w *written) (string, error) {
	by, err := r.by(ctx, w)
	if by == nil {
		return "", err
	}
	return by.Schema.FullName(), nil
}

// errBytes says that an event cannot be decoded, so that its bytes have to do.
var errBytes = errors.New("only its bytes are known")

// decode returns an event's type and fields.
func (r *eventReader) decode(ctx context.Context, w *written) (name string, value any, err error) {
	if w.value == nil {
		return "", nil, nil // a tombstone
	}
	by, err := r.by(ctx, w)
	if err != nil {
		return "", nil, err
	}
	if by == nil {
		return "", nil, errBytes
	}
	if value, err = by.Decode(w.body); err != nil {
		return "", nil, errBytes
	}
	return by.Schema.FullName(), value, nil
}

// compareValues returns the first fields that differ between two events, most of them at most.
func (r *bucketRun) compareValues(ctx context.Context, pair [2]*written, most int) ([]FieldValue, error) {
	if pair[expected].sameBytes(pair[shadow]) {
		return nil, nil
	}
	d := &fieldDiff{ignore: r.ignore, most: most}
	var names [2]string
	var values [2]any
	for side, w := range pair {
		var err error
		names[side], values[side], err = r.reader.decode(ctx, w)
		if errors.Is(err, errBytes) {
			d.note(fieldValue, pair[expected].value, pair[shadow].value)
			return d.found, nil
		}
		if err != nil {
			return nil, err
		}
	}
	switch e, s := pair[expected].value == nil, pair[shadow].value == nil; {
	case e || s: // not both, or they were the same
		d.note(fieldValue, tombstoneOr(values[expected], e), tombstoneOr(values[shadow], s))
	case names[expected] != names[shadow]:
		d.note(fieldType, names[expected], names[shadow])
	default:
		d.walk("", values[expected], values[shadow])
	}
	return d.found, nil
}

type tombstoneValue struct{}

func tombstoneOr(v any, is bool) any {
	if is {
		return tombstoneValue{}
	}
	return v
}

// absent is the value of a field that one side does not have.
type absent struct{}

// maxFieldsOfOne is how many fields of one event are told of.
const maxFieldsOfOne = 20

// fieldDiff collects where two values differ.
type fieldDiff struct {
	ignore ignored
	most   int
	found  []FieldValue
}

func (d *fieldDiff) full() bool { return len(d.found) >= d.most }

func (d *fieldDiff) note(path string, e, s any) {
	if !d.full() && !slices.ContainsFunc(d.found, func(f FieldValue) bool { return f.Field == path }) {
		d.found = append(d.found, FieldValue{Field: path, Expected: shown(e), Shadow: shown(s)})
	}
}

// walk compares two values at a path. Items of a list share theirs, and one that differs stands for all.
func (d *fieldDiff) walk(path string, e, s any) {
	if d.full() || d.ignore[path] {
		return
	}
	switch e := e.(type) {
	case map[string]any:
		if s, ok := s.(map[string]any); ok {
			d.walkFields(path, e, s)
			return
		}
	case []any:
		if s, ok := s.([]any); ok {
			for i := range min(len(e), len(s)) {
				d.walk(path+"[]", e[i], s[i])
			}
			if len(e) != len(s) && !d.ignore[path+"[]"] {
				d.note(path+"[]", json.Number(strconv.Itoa(len(e))+" items"), json.Number(strconv.Itoa(len(s))+" items"))
			}
			return
		}
	}
	if !sameScalar(e, s) {
		d.note(cmp.Or(path, fieldValue), e, s)
	}
}

func (d *fieldDiff) walkFields(path string, e, s map[string]any) {
	names := slices.Collect(maps.Keys(e))
	for name := range s {
		if _, both := e[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		at := name
		if path != "" {
			at = path + "." + name
		}
		ours, has := e[name]
		theirs, have := s[name]
		switch {
		case has && have:
			d.walk(at, ours, theirs)
		case d.ignore[at]:
		case has:
			d.note(at, ours, absent{})
		default:
			d.note(at, absent{}, theirs)
		}
	}
}

// sameScalar compares numbers by their value, whatever their types.
func sameScalar(e, s any) bool {
	switch e := e.(type) {
	case int64:
		if s, ok := s.(float64); ok {
			return float64(e) == s
		}
	case float64:
		switch s := s.(type) {
		case int64:
			return e == float64(s)
		case float64:
			return e == s || math.IsNaN(e) && math.IsNaN(s)
		}
	case time.Time:
		if s, ok := s.(time.Time); ok {
			return e.Equal(s)
		}
	case []byte:
		s, ok := s.([]byte)
		return ok && bytes.Equal(e, s)
	case map[string]any, []any:
		return false // the other is something else
	}
	switch s.(type) {
	case map[string]any, []any, []byte:
		return false
	}
	return e == s
}

const maxShown = 200

// shown is a value for people, cut where it is long.
func shown(v any) string {
	text := ""
	switch v := v.(type) {
	case absent:
		return "absent"
	case tombstoneValue:
		return "tombstone"
	case json.Number:
		return v.String()
	case []byte:
		text = base64.StdEncoding.EncodeToString(v[:min(len(v), maxShown)])
	case float64:
		text = strconv.FormatFloat(v, 'g', -1, 64)
	default:
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(v); err != nil {
			text = fmt.Sprint(v)
		} else {
			text = strings.TrimSuffix(out.String(), "\n")
		}
	}
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + "…"
	}
	return text
}
