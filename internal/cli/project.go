package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/internal/project"
)

// bindFile adds the flag that names the project's file.
func (a *app) bindFile(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&a.file, "file", "f", "", "the `file` that says what is wanted (default headrace.yaml here or in a folder above)")
}

// project reads the file that --file names, else the headrace.yaml found upwards; nil when there is none.
func (a *app) project() (*project.File, error) {
	if a.loaded != nil {
		return a.loaded, nil
	}
	path, err := a.projectPath()
	if _, none := errors.AsType[*noProjectError](err); none {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	file, err := project.Load(path)
	if err != nil {
		return nil, err
	}
	a.loaded = file
	return file, nil
}

// noProjectError says that there is no project file.
type noProjectError struct{}

func (*noProjectError) Error() string {
	return "there is no " + project.FileName + " here or in a folder above: write one, or name another file with --file"
}

// projectPath is the file that --file names, else the headrace.yaml found upwards.
func (a *app) projectPath() (string, error) {
	if a.file != "" {
		return a.file, nil
	}
	dir := a.Dir
	if dir == "" {
		dir = "."
	}
	path, ok, err := project.Find(dir)
	if err == nil && !ok {
		err = &usageError{&noProjectError{}}
	}
	return path, err
}

// needProject is project for commands that do nothing without the file.
func (a *app) needProject() (*project.File, error) {
	file, err := a.project()
	if err == nil && file == nil {
		return nil, &usageError{&noProjectError{}}
	}
	return file, err
}

// chosenContext is the context that --context, HEADRACE_CONTEXT or the file itself says; nil without any.
func (a *app) chosenContext() (*project.Context, error) {
	name, by := a.context, cmp.Or(a.contextFlag, "--context")
	if name == "" {
		name, by = os.Getenv("HEADRACE_CONTEXT"), "HEADRACE_CONTEXT"
	}
	file, err := a.project()
	if err != nil {
		return nil, err
	}
	if file == nil {
		if name != "" {
			return nil, usagef("%s is %s, and there is no %s here or in a folder above", by, name, project.FileName)
		}
		return nil, nil
	}
	chosen, err := file.Choose(name)
	if err != nil && name != "" {
		return nil, &usageError{fmt.Errorf("%s: %w", by, err)}
	}
	if _, ambiguous := errors.AsType[*project.AmbiguousError](err); ambiguous {
		return nil, &usageError{err}
	}
	return chosen, err
}

// overridesContext is the context whose overrides of topics hold: one that several others stand beside must be chosen, even where
// the brokers come from elsewhere.
func (a *app) overridesContext() (*project.Context, error) {
	chosen, err := a.chosenContext()
	var ambiguous *project.AmbiguousError
	if errors.As(err, &ambiguous) && (len(a.brokers) > 0 || os.Getenv("KAFKA_BROKERS") != "") {
		return nil, nil // brokers that no context names have no overrides
	}
	return chosen, err
}
