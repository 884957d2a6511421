package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
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

// edit has a person edit JSON in the editor of theirs. The text stays in its file when something goes wrong afterwards.
func (a *app) edit(ctx context.Context, text []byte) ([]byte, error) {
	editor := cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR"))
	if editor == "" {
		return nil, usagef("--edit: neither VISUAL nor EDITOR names an editor: set one, or use --edit-file")
	}
	var shown bytes.Buffer
	if err := json.Indent(&shown, text, "", "  "); err != nil {
		return nil, err
	}
	shown.WriteByte('\n')
	file, err := os.CreateTemp("", "dead-letter-*.json")
	if err != nil {
		return nil, err
	}
	name := file.Name()
	_, err = file.Write(shown.Bytes())
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return nil, err
	}
	// The variable may hold arguments, as in "code --wait", so that a shell has to read it; the file is an argument of its own.
	command := exec.CommandContext(ctx, "sh", "-c", editor+` "$1"`, "sh", name) //nolint:gosec // the person's own editor
	command.Stdin, command.Stdout, command.Stderr = a.Stdin, a.Stderr, a.Stderr
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("editor %s: %w: nothing was changed", editor, err)
	}
	edited, err := a.readWhole(name)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(edited, shown.Bytes()) {
		_ = os.Remove(name) // it holds nothing new
		return nil, fmt.Errorf("the event was left as it is: nothing was changed")
	}
	a.note("the edited event is kept in %s", name)
	return edited, nil
}
