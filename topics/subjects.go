package topics

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/headrace/headrace/internal/disk"
	"github.com/headrace/headrace/internal/project"
	"github.com/headrace/headrace/schema"
)

// subjects finds the schema of every event that a topic declares. One event makes the topic's own subject, several make one each.
func (r *resolution) subjects() {
	declared := 0
	for _, t := range r.file.Topics {
		declared += len(t.Events)
		if t.Compatibility != "" && len(t.Events) == 0 {
			r.fail(t.At, "name the events the topic carries", fmt.Sprintf("topic %s has a compatibility level and no events", t.Name))
		}
	}
	if declared == 0 {
		return
	}
	folder, err := schema.ReadFolder(disk.FS{}, []string{r.file.Schemas.Folder})
	var several *schema.FolderError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.fail(r.file.Schemas.At, "set schemas.folder to where the .avsc files are", "the folder of schemas "+r.file.Schemas.Folder+" is not there")
		return
	case errors.As(err, &several):
		for _, problem := range several.Problems {
			r.errs = append(r.errs, problem)
		}
		return
	case err != nil:
		r.errs = append(r.errs, err)
		return
	}
	for _, t := range r.file.Topics {
		for _, e := range t.Events {
			r.subject(folder, t, e)
		}
	}
}

func (r *resolution) subject(folder *schema.Folder, t project.Topic, e project.Event) {
	file, ok := folder.Named(e.Name)
	if !ok || file.Schema.FullName() != e.Name {
		hint := "write it with `headrace schema new " + e.Name + "`"
		for _, f := range folder.Files {
			if strings.EqualFold(f.Schema.FullName(), e.Name) {
				hint = "did you mean " + f.Schema.FullName() + "?"
			}
		}
		r.fail(e.At, hint, fmt.Sprintf("topic %s: event %s has no schema file of its own under %s", t.Name, e.Name, r.place(project.Position{File: r.file.Schemas.Folder})))
		return
	}
	name := schema.TopicName(t.Name)
	if len(t.Events) > 1 {
		name = schema.TopicRecordName(t.Name, e.Name)
	}
	r.wanted.Subjects = append(r.wanted.Subjects, WantedSubject{
		Subject: name, Schema: file.Schema, Level: schema.Level(t.Compatibility), At: r.place(e.At),
	})
}
