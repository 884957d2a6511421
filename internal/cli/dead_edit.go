package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/deadletter"
)

// maxEdited bounds the JSON of an event.
const maxEdited = 64 << 20

func readLimited(r io.Reader, name string) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxEdited+1))
	if err == nil && len(text) > maxEdited {
		err = fmt.Errorf("%s: more than %d bytes", name, maxEdited)
	}
	return text, err
}

// edit has a person edit JSON in the editor of theirs. The file holds what was edited, also where the editor has failed; it is "" when
// there is nothing to keep.
func (a *app) edit(ctx context.Context, text []byte) (edited []byte, path string, err error) {
	editor := cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR"))
	if editor == "" {
		return nil, "", usagef("--edit: neither VISUAL nor EDITOR names an editor: set one, or use --edit-file")
	}
	var shown bytes.Buffer
	if err := json.Indent(&shown, text, "", "  "); err != nil {
		return nil, "", err
	}
	shown.WriteByte('\n')
	file, err := os.CreateTemp("", "dead-letter-*.json")
	if err != nil {
		return nil, "", err
	}
	name := file.Name()
	_, err = file.Write(shown.Bytes())
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, "", errors.Join(err, os.Remove(name))
	}
	// The variable may hold arguments, as in "code --wait", so that a shell has to read it; the file is an argument of its own.
	command := exec.CommandContext(ctx, "sh", "-c", editor+` "$1"`, "sh", name) //nolint:gosec // the person's own editor
	command.Stdin, command.Stdout, command.Stderr = a.Stdin, a.terminal, a.terminal
	ended := command.Run()
	if ended != nil {
		ended = fmt.Errorf("editor %s: %w: nothing was changed", editor, ended)
	}
	if edited, err = a.readWhole(name); err != nil {
		return nil, name, errors.Join(ended, err)
	}
	if bytes.Equal(edited, shown.Bytes()) {
		return nil, "", errors.Join(cmp.Or(ended, errors.New("the event was left as it is: nothing was changed")), os.Remove(name))
	}
	if ended != nil {
		return nil, name, ended
	}
	return edited, name, nil
}

// editLetter has the one event of the plan edited, and plans for exactly that one: the selection that has led to it may mean another
// by the time the editor is closed.
func (a *app) editLetter(ctx context.Context, r deadletter.RedriveRequest, plan deadletter.Redrive) (_ deadletter.Redrive, path string, err error) {
	if plan.Events() != 1 {
		return plan, "", usagef("--edit needs one open dead letter, and %d are selected: choose it with --at PARTITION:OFFSET", plan.Events())
	}
	part := plan.Partitions[0]
	at := headrace.Location{Topic: r.Topic, Partition: part.Partition, Offset: part.Spans[0].From}
	letter, _, err := deadletter.ReadAt(ctx, r.Cluster, r.Registry, at)
	if err != nil {
		return plan, "", err
	}
	text, _, err := letter.JSON(ctx, r.Registry)
	if err != nil {
		return plan, "", fmt.Errorf("dead letter at %s cannot be shown for editing: %w: give its whole value with --edit-file", letter.Location, err)
	}
	if r.Edit, path, err = a.edit(ctx, text); err != nil {
		return plan, path, err
	}
	r.Selection = deadletter.Selection{At: []deadletter.Position{{Partition: at.Partition, Offset: at.Offset}}}
	plan, err = deadletter.PlanRedrive(ctx, r)
	return plan, path, err
}

// settleEdit removes the file of an edited event once that is written. Until then it is all that a person's work is kept in.
func (a *app) settleEdit(path string, err error) error {
	if path == "" {
		return err
	}
	if err == nil {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			a.note("the file of the edited event is left behind: %v", err)
		}
		return nil
	}
	a.note("the edited event is kept in %s, which --edit-file takes", path)
	return err
}
