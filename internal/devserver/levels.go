package devserver

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/headrace/headrace/schema"
)

// levels holds the compatibility level of the registry and of the subjects that have their own. srfake's own store
// is not used because there a level brings its subject into being.
type levels struct {
	global   schema.Level
	subjects map[string]schema.Level
}

func newLevels() levels {
	return levels{global: schema.Backward, subjects: map[string]schema.Level{}}
}

// of is the level that a registration under subject has to meet.
func (l levels) of(subject string) schema.Level {
	if level, ok := l.subjects[subject]; ok {
		return level
	}
	return l.global
}

type levelReply struct {
	Level schema.Level `json:"compatibilityLevel"`
}

func (r *registry) getLevel(request) reply { return answer(levelReply{r.levels.global}) }

func (r *registry) getSubjectLevel(req request) reply {
	subject := req.PathValue("subject")
	level, ok := r.levels.subjects[subject]
	if !ok && req.URL.Query().Get("defaultToGlobal") != "true" {
		return fail(http.StatusNotFound, 40408,
			"Subject '"+subject+"' does not have subject-level compatibility configured")
	}
	if !ok {
		level = r.levels.global
	}
	return answer(levelReply{level})
}

// putLevel sets the level of the subject in the path, or of the registry when there is none.
func (r *registry) putLevel(req request) reply {
	var body struct {
		Level schema.Level `json:"compatibility"`
	}
	if err := json.Unmarshal(req.body, &body); err != nil {
		return fail(http.StatusUnprocessableEntity, 42203, "Invalid compatibility level: "+err.Error())
	}
	level, err := schema.ParseLevel(strings.ToUpper(string(body.Level)))
	if err != nil {
		return fail(http.StatusUnprocessableEntity, 42203, "Invalid compatibility level: valid are NONE, "+
			"BACKWARD, BACKWARD_TRANSITIVE, FORWARD, FORWARD_TRANSITIVE, FULL and FULL_TRANSITIVE")
	}
	body.Level = level
	if subject := req.PathValue("subject"); subject != "" {
		r.levels.subjects[subject] = body.Level
	} else {
		r.levels.global = body.Level
	}
	rep := answer(body)
	rep.changed = true
	return rep
}

func (r *registry) deleteSubjectLevel(req request) reply {
	subject := req.PathValue("subject")
	level, ok := r.levels.subjects[subject]
	if !ok {
		return fail(http.StatusNotFound, 40408,
			"Subject '"+subject+"' does not have subject-level compatibility configured")
	}
	delete(r.levels.subjects, subject)
	rep := answer(levelReply{level})
	rep.changed = true
	return rep
}
