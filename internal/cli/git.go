package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/headrace/headrace/schema"
)

// gitTree is a revision of the repository that a folder belongs to.
type gitTree struct {
	top  string // the repository's folder
	rev  string // as it was asked for
	hash string // of the commit
}

// openGit finds the repository around a path, which need not exist any more, and the commit that rev names in it.
func openGit(ctx context.Context, around, rev string) (*gitTree, error) {
	dir, err := filepath.Abs(around)
	if err != nil {
		return nil, err
	}
	for {
		if info, err := os.Stat(dir); err == nil && info.IsDir() || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	top, err := git(ctx, dir, nil, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, fmt.Errorf("git:%s: %s is not in a git repository: %w", rev, around, err)
	}
	t := &gitTree{top: strings.TrimSuffix(string(top), "\n"), rev: rev}
	hash, err := git(ctx, t.top, nil, "rev-parse", "--verify", "--quiet", "--end-of-options", rev+"^{commit}")
	if err != nil {
		return nil, fmt.Errorf("git:%s: the repository %s has no such revision; fetch it first: a shallow clone, as CI makes them, holds one commit only", rev, here(t.top))
	}
	t.hash = strings.TrimSpace(string(hash))
	return t, nil
}

// git runs git without anything that the repository's own settings could start, and returns what it writes.
func git(ctx context.Context, dir string, stdin []byte, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"--no-pager", "-c", "core.fsmonitor=false", "-C", dir}, args...)...) //nolint:gosec // arguments, no shell; revisions come after --end-of-options
	cmd.Env = append(os.Environ(), "GIT_OPTIONAL_LOCKS=0", "GIT_LITERAL_PATHSPECS=1", "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
	cmd.Stdin = bytes.NewReader(stdin)
	var out, problem bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problem
	err := cmd.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("git is not on the PATH: install it, or name files instead")
	case err != nil && problem.Len() > 0:
		first, _, _ := strings.Cut(problem.String(), "\n")
		return nil, errors.New(printable(strings.TrimPrefix(first, "fatal: ")))
	}
	return out.Bytes(), err
}

// inside is a path of the file system as the repository names it.
func (t *gitTree) inside(name string) (string, error) {
	whole, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	// git answers with the real path, also where the way here leads through links.
	if real, err := filepath.EvalSymlinks(filepath.Dir(whole)); err == nil {
		whole = filepath.Join(real, filepath.Base(whole))
	}
	inner, err := filepath.Rel(t.top, whole)
	if err != nil || !filepath.IsLocal(inner) {
		return "", fmt.Errorf("git:%s: %s is outside the repository %s", t.rev, name, t.top)
	}
	return filepath.ToSlash(inner), nil
}

// blob is a file of a tree.
type blob struct {
	path string // as the repository names it
	hash string
}

// maxGitFiles bounds what is read of a tree, and maxGitText the text of it.
const (
	maxGitFiles = 1 << 16
	maxGitText  = 256 << 20
)

// list returns the schema files at a path of the tree: the file itself, or all that are below.
func (t *gitTree) list(ctx context.Context, inner string) ([]blob, error) {
	args := []string{"ls-tree", "-r", "-z", "-l", "--full-tree", t.hash}
	if inner = path.Clean(inner); inner != "." {
		args = append(args, "--", inner)
	}
	out, err := git(ctx, t.top, nil, args...)
	if err != nil {
		return nil, fmt.Errorf("git:%s: %w", t.rev, err)
	}
	var blobs []blob
	size := 0
	for entry := range strings.SplitSeq(string(out), "\x00") {
		about, name, ok := strings.Cut(entry, "\t")
		fields := strings.Fields(about)
		// 120000 is a link, whose text is a path; 160000 another repository.
		if !ok || len(fields) != 4 || fields[1] != "blob" || fields[0] == "120000" || name != inner && path.Ext(name) != ".avsc" {
			continue
		}
		n, err := strconv.Atoi(fields[3])
		if err != nil {
			return nil, fmt.Errorf("git:%s: %s: size %q", t.rev, name, printable(fields[3]))
		}
		if size += n; size > maxGitText || len(blobs) == maxGitFiles {
			return nil, fmt.Errorf("git:%s: below %s are more than %d schema files or %d bytes: name a path further down", t.rev, inner, maxGitFiles, maxGitText)
		}
		blobs = append(blobs, blob{name, fields[2]})
	}
	return blobs, nil
}

// read fetches the texts of files, all in one call of git.
func (t *gitTree) read(ctx context.Context, blobs []blob) ([]schema.Source, error) {
	if len(blobs) == 0 {
		return nil, nil
	}
	var ask bytes.Buffer
	for _, b := range blobs {
		ask.WriteString(b.hash + "\n")
	}
	out, err := git(ctx, t.top, ask.Bytes(), "cat-file", "--batch")
	if err != nil {
		return nil, fmt.Errorf("git:%s: %w", t.rev, err)
	}
	answer := bufio.NewReader(bytes.NewReader(out))
	sources := make([]schema.Source, len(blobs))
	for i, b := range blobs {
		head, err := answer.ReadString('\n')
		if err != nil {
			return nil, fmt.Errorf("git:%s: %s: git ended early", t.rev, b.path)
		}
		fields := strings.Fields(head)
		size, err := strconv.Atoi(fields[len(fields)-1])
		if err != nil || len(fields) != 3 || size < 0 || size > len(out) {
			return nil, fmt.Errorf("git:%s: %s: %s", t.rev, b.path, printable(strings.TrimSpace(head)))
		}
		text := make([]byte, size+1) // and a line's end
		if _, err := io.ReadFull(answer, text); err != nil {
			return nil, fmt.Errorf("git:%s: %s: git ended early", t.rev, b.path)
		}
		sources[i] = schema.Source{Path: t.rev + ":" + b.path, Text: string(text[:size])}
	}
	return sources, nil
}
