package replay

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/headrace/headrace/schema"
)

// writerFile is a [Writer] in the plan file: its schema by id or by GUID.
type writerFile struct {
	ID       int      `json:"id,omitempty"`
	GUID     string   `json:"guid,omitempty"`
	Event    string   `json:"event,omitempty"`
	Events   int64    `json:"events"`
	Problems []string `json:"problems,omitempty"`
}

// MarshalJSON writes the reference as id or guid.
func (w Writer) MarshalJSON() ([]byte, error) {
	f := writerFile{ID: w.Ref.ID, Event: w.Event, Events: w.Events, Problems: w.Problems}
	if w.Ref.ByGUID {
		f.ID, f.GUID = 0, w.Ref.GUID.String()
	}
	return json.Marshal(f)
}

// UnmarshalJSON reads what MarshalJSON writes, and no other field.
func (w *Writer) UnmarshalJSON(text []byte) error {
	var f writerFile
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&f); err != nil {
		return err
	}
	*w = Writer{Ref: schema.RefID(f.ID), Event: f.Event, Events: f.Events, Problems: f.Problems}
	if f.GUID == "" {
		return nil
	}
	raw, err := hex.DecodeString(strings.ReplaceAll(f.GUID, "-", ""))
	if err != nil || len(raw) != len(w.Ref.GUID) || f.ID != 0 {
		return &PlanError{Field: "writers.guid", Text: fmt.Sprintf("%.100q is not a GUID, or stands beside an id", f.GUID)}
	}
	w.Ref = schema.Ref{GUID: schema.GUID(raw), ByGUID: true}
	return nil
}
