package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/headrace/headrace/internal/disk"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// past finds the older versions of schemas, wherever they are.
type past struct {
	*app
	next    *schema.Folder
	paths   []string // where next was read
	alone   bool     // next is one file that was named itself
	folders map[origin]*fetched

	registry *registry.Client
	subjects []string
}

// fetched is an old folder that may still be on its way.
type fetched struct {
	ready  chan struct{}
	folder *schema.Folder
	err    error
}

// fetch begins to read old folders, beside the new one.
func (p *past) fetch(ctx context.Context, origins ...origin) {
	for _, o := range origins {
		if o.kind == "registry" || p.folders[o] != nil {
			continue
		}
		f := &fetched{ready: make(chan struct{})}
		p.folders[o] = f
		go func() {
			defer close(f.ready)
			f.folder, f.err = p.read(ctx, o)
		}()
	}
}

func (p *past) close() {
	for _, f := range p.folders {
		<-f.ready
	}
	if p.registry != nil {
		p.registry.Close()
	}
}

// newPast is for schemas that are read from args.
func (a *app) newPast(args []string) (*past, error) {
	folder, err := a.schemaFolder()
	if err != nil {
		return nil, err
	}
	if len(args) == 0 {
		args = []string{folder}
	}
	p := &past{app: a, paths: args, folders: map[origin]*fetched{}}
	if len(args) == 1 {
		info, err := os.Stat(args[0])
		p.alone = args[0] == "-" || err == nil && !info.IsDir()
	}
	return p, nil
}

// of returns the one older version of a file that files or a revision hold, which were fetched; false when it is new.
func (p *past) of(o origin, file *schema.File) (schema.Ancestor, bool, error) {
	f := p.folders[o]
	<-f.ready
	if f.err != nil {
		return schema.Ancestor{}, false, f.err
	}
	old, ok := f.folder.Ancestor(file, p.alone && o.named())
	if !ok {
		return schema.Ancestor{}, false, nil
	}
	return schema.Ancestor{Name: old.Path, Schema: old.Schema, Folder: f.folder}, true, nil
}

// named reports whether o is a file that was named itself.
func (o origin) named() bool {
	if o.kind == "git" {
		return strings.HasSuffix(o.path, ".avsc")
	}
	info, err := os.Stat(o.path)
	return err == nil && !info.IsDir()
}

func (p *past) read(ctx context.Context, o origin) (*schema.Folder, error) {
	library, err := p.schemaFolder()
	if err != nil {
		return nil, err
	}
	if o.kind == "files" {
		if o.named() {
			return schema.ReadFolder(disk.FS{}, []string{o.path}, library)
		}
		return schema.ReadFolder(disk.FS{}, []string{o.path})
	}
	return p.readGit(ctx, o, library)
}

// readGit reads the paths of the new schemas, or that of o, as they were at a revision. What a file used there is looked for in its
// folder and in the project's, at that revision; a file that was not there may have had another name, so that its folder is read.
func (p *past) readGit(ctx context.Context, o origin, library string) (*schema.Folder, error) {
	if slices.Contains(p.paths, "-") && o.path == "" {
		return nil, usagef("standard input has no path in git: write git:%s:PATH", o.rev)
	}
	tree, err := openGit(ctx, p.paths[0], o.rev)
	if err != nil {
		return nil, err
	}
	paths := []string{o.path}
	if o.path == "" {
		paths = nil
		for _, name := range p.paths {
			inner, err := tree.inside(name)
			if err != nil {
				return nil, err
			}
			paths = append(paths, inner)
		}
	}
	var asked, more []blob
	for _, inner := range paths {
		found, err := tree.list(ctx, inner)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 && o.path != "" {
			return nil, fmt.Errorf("there is no %s at %s: paths after git:%s: begin at the top of the repository", o.path, o.rev, o.rev)
		}
		asked = append(asked, found...)
		around, err := tree.list(ctx, parent(inner))
		if err != nil {
			return nil, err
		}
		more = append(more, around...)
	}
	if inner, err := tree.inside(library); err == nil {
		found, err := tree.list(ctx, inner)
		if err != nil {
			return nil, err
		}
		more = append(more, found...)
	}
	sources, err := tree.read(ctx, unique(asked))
	if err != nil {
		return nil, err
	}
	around, err := tree.read(ctx, unique(more))
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		folder, _ := schema.NewFolder(around) // what is wrong beside the schemas is not what was asked about
		return folder, nil
	}
	return schema.NewFolder(sources, around...)
}

func parent(inner string) string {
	if i := strings.LastIndexByte(inner, '/'); i >= 0 {
		return inner[:i]
	}
	return "."
}

func unique(blobs []blob) []blob {
	slices.SortFunc(blobs, func(a, b blob) int { return strings.Compare(a.path, b.path) })
	return slices.Compact(blobs)
}

// lineage is a subject's versions, oldest first, and the level that holds for the next one.
type lineage struct {
	subject string
	level   schema.Level
	olds    []schema.Ancestor
}

// lineages returns the subjects of a file's event in the registry, with the versions that a level looks at; an empty level is the
// subject's own.
func (p *past) lineages(ctx context.Context, o origin, file *schema.File, level schema.Level) ([]lineage, error) {
	if p.registry == nil {
		reg, err := p.openRegistry(ctx)
		if err != nil {
			return nil, err
		}
		p.registry = reg
	}
	ctx, cancel := p.within(ctx)
	defer cancel()
	subjects := []string{o.subject}
	if o.subject == "" {
		var err error
		if subjects, err = p.subjectsOf(ctx, file.Schema.FullName()); err != nil {
			return nil, err
		}
	}
	var all []lineage
	for _, subject := range subjects {
		l, err := p.lineage(ctx, subject, o.version, level)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

func (p *past) lineage(ctx context.Context, subject string, version int, level schema.Level) (lineage, error) {
	l := lineage{subject: subject, level: level}
	versions, err := p.registry.Versions(ctx, subject)
	var answer *registry.Error
	if errors.As(err, &answer) && answer.Status == http.StatusNotFound && answer.Code == codeSubjectNotFound {
		return l, nil // the first version of a subject is compatible with nothing
	}
	if err != nil {
		return l, err
	}
	if l.level == "" {
		if l.level, err = p.registry.Compatibility(ctx, subject); err != nil {
			return l, err
		}
	}
	switch {
	case version > 0 && !slices.Contains(versions, version):
		return l, fmt.Errorf("subject %s has no version %d: it has %v", subject, version, versions)
	case version > 0:
		versions = []int{version}
	case !strings.HasSuffix(string(l.level), "_TRANSITIVE") && len(versions) > 1:
		versions = versions[len(versions)-1:]
	}
	for _, n := range versions {
		v, err := p.registry.Version(ctx, subject, n)
		if err != nil {
			return l, err
		}
		l.olds = append(l.olds, schema.Ancestor{Name: fmt.Sprintf("%s version %d", subject, n), Schema: v.Schema})
	}
	return l, nil
}

// subjectsOf are the subjects that an event may be registered under: those that headrace.yaml gives it, else those of the registry that
// carry its name, else those of topics whose newest version is of that name.
func (p *past) subjectsOf(ctx context.Context, event string) ([]string, error) {
	project, err := p.project()
	if err != nil {
		return nil, err
	}
	var subjects []string
	if project != nil {
		for _, topic := range project.Topics {
			for _, e := range topic.Events {
				switch {
				case e.Name == event && len(topic.Events) == 1:
					subjects = append(subjects, schema.TopicName(topic.Name))
				case e.Name == event:
					subjects = append(subjects, schema.TopicRecordName(topic.Name, event))
				}
			}
		}
	}
	if len(subjects) > 0 {
		return subjects, nil
	}
	if p.subjects == nil {
		if p.subjects, err = p.registry.Subjects(ctx); err != nil {
			return nil, err
		}
	}
	var topics []string
	for _, s := range p.subjects {
		if s == schema.RecordName(event) || strings.HasSuffix(s, schema.TopicRecordName("", event)) {
			subjects = append(subjects, s)
		} else if strings.HasSuffix(s, schema.TopicName("")) {
			topics = append(topics, s)
		}
	}
	if len(subjects) > 0 {
		return subjects, nil
	}
	for _, s := range topics {
		v, err := p.registry.Latest(ctx, s)
		var other *schema.InvalidSchemaError
		if errors.As(err, &other) {
			continue // a subject of another format, or of somebody else's making
		}
		if err != nil {
			return nil, err
		}
		if v.Schema.FullName() == event {
			subjects = append(subjects, s)
		}
	}
	return subjects, nil
}
