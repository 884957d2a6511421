package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/headrace/headrace/internal/disk"
	"github.com/headrace/headrace/internal/project"
	"github.com/headrace/headrace/schema"
	"github.com/headrace/headrace/schema/registry"
)

// wantedSchemas are the registrations that the arguments of schema register ask for.
func (a *app) wantedSchemas(args []string, f schemaRegisterFlags) ([]registry.Registration, error) {
	level := schema.Level("")
	if f.level != "" {
		var err error
		if level, err = schema.ParseLevel(f.level); err != nil {
			return nil, &usageError{err}
		}
	}
	file, err := a.project()
	if err != nil {
		return nil, err
	}
	switch {
	case f.subject != "" && len(args) != 1:
		return nil, usagef("--subject is of one FILE: for several, --topic gives each its own")
	case f.subject != "":
		return a.wantedFile(args[0], f.subject, level, file)
	case f.topic != "" && len(args) == 0:
		return nil, usagef("name the files or folders with the events of topic %s", f.topic)
	case f.topic != "":
		return wantedEvents(args, f.topic, level, file)
	case len(args) > 0:
		return nil, usagef("--subject or --topic is missing: TOPIC-value for a topic with one type of event, else TOPIC-FULL.NAME")
	case file == nil:
		return nil, usagef("name FILE and --subject, or files and --topic: there is no %s here or in a folder above that says them", project.FileName)
	}
	return wantedTopics(file, level)
}

func (a *app) wantedFile(name, subject string, level schema.Level, file *project.File) ([]registry.Registration, error) {
	text, err := a.readFile(name)
	if err != nil {
		return nil, err
	}
	var folder *schema.Folder
	if name == "-" {
		folder, err = schema.NewFolder([]schema.Source{{Path: name, Text: text}})
	} else {
		folder, err = schema.ReadFolder(disk.FS{}, []string{name}, library(file)...)
	}
	if err != nil {
		return nil, err
	}
	asked := folder.Files[len(folder.Files)-1]
	return []registry.Registration{{Subject: subject, Schema: asked.Schema, Level: level}}, nil
}

// library is where the types are that named files use and do not define.
func library(file *project.File) []string {
	if file == nil || file.Schemas.Folder == "" {
		return nil
	}
	return []string{file.Schemas.Folder}
}

// wantedEvents takes every record that no other file uses for an event of the topic, and every file that is named.
func wantedEvents(paths []string, topic string, level schema.Level, file *project.File) ([]registry.Registration, error) {
	folder, err := schema.ReadFolder(disk.FS{}, paths, library(file)...)
	if err != nil {
		return nil, err
	}
	named := make([]string, len(paths))
	for i, path := range paths {
		named[i] = filepath.Clean(path)
	}
	used := map[*schema.File]bool{}
	for _, f := range folder.Files {
		for _, ref := range f.References {
			used[ref] = true
		}
	}
	var events []*schema.Schema
	for _, f := range folder.Files {
		if !f.Imported && (!used[f] || slices.Contains(named, f.Path)) {
			events = append(events, f.Schema)
		}
	}
	return ofTopic(topic, level, events), nil
}

// ofTopic gives each event its subject.
func ofTopic(topic string, level schema.Level, events []*schema.Schema) []registry.Registration {
	wanted := make([]registry.Registration, len(events))
	for i, event := range events {
		wanted[i] = registry.Registration{Subject: schema.TopicRecordName(topic, event.FullName()), Schema: event, Level: level}
	}
	if len(wanted) == 1 {
		wanted[0].Subject = schema.TopicName(topic)
	}
	return wanted
}

// wantedTopics takes the events of every topic of headrace.yaml from its schema folder.
func wantedTopics(file *project.File, level schema.Level) ([]registry.Registration, error) {
	folder, err := schema.ReadFolder(disk.FS{}, []string{file.Schemas.Folder})
	if err != nil {
		return nil, err
	}
	var wanted []registry.Registration
	var errs []error
	for _, topic := range file.Topics {
		own := level
		if own == "" && topic.Compatibility != "" {
			if own, err = schema.ParseLevel(topic.Compatibility); err != nil {
				errs = append(errs, fmt.Errorf("topic %s: %w", topic.Name, err))
			}
		}
		var events []*schema.Schema
		for _, event := range topic.Events {
			found, ok := folder.Named(event.Name)
			if !ok || found.Schema.FullName() != event.Name {
				errs = append(errs, fmt.Errorf("topic %s: event %s has no file of its own in %s: write it with `headrace schema new %s`",
					topic.Name, event.Name, file.Schemas.Folder, event.Name))
				continue
			}
			events = append(events, found.Schema)
		}
		wanted = append(wanted, ofTopic(topic.Name, own, events)...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("%s: %w", file.Path, err)
	}
	if len(wanted) == 0 {
		return nil, fmt.Errorf("%s: no topic has events: list them under `events:` of the topic", file.Path)
	}
	return wanted, nil
}

// withinEach bounds a question that is one for each of n things.
func (a *app) withinEach(ctx context.Context, n int) (context.Context, context.CancelFunc) {
	limit := a.timeout * time.Duration(1+n/8)
	return context.WithTimeoutCause(ctx, limit, &timeoutError{limit})
}
