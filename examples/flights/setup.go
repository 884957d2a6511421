package flights

import (
	"context"
	"embed"
	"os"
	"path/filepath"

	"github.com/headrace/headrace/topics"
)

// Partitions is how many partitions headrace.yaml gives each topic.
const Partitions = 12

// What the programs carry with them, so that they run from any folder.
//
//go:embed headrace.yaml schemas
var project embed.FS

// Wanted is what headrace.yaml says for the connection's context: the topics, those of the workers' retries and dead letters included,
// the subjects and the rights.
func Wanted(c Connection) (*topics.Wanted, error) {
	folder, err := os.MkdirTemp("", "flights")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(folder) }() // a temporary folder is cleared away by the system as well
	if err := os.CopyFS(folder, project); err != nil {
		return nil, err
	}
	return topics.Load(filepath.Join(folder, "headrace.yaml"), c.Context)
}

// Setup makes the cluster and the registry what headrace.yaml says. It may be run again; it deletes nothing, and adds no partitions to a
// topic that has keys.
func Setup(ctx context.Context, c Connection) error {
	wanted, err := Wanted(c)
	if err != nil {
		return err
	}
	where := topics.Connection{Cluster: c.Cluster, Registry: c.Registry}
	world, err := topics.Observe(ctx, where, wanted, topics.Options{})
	if err != nil {
		return err
	}
	_, err = topics.Apply(ctx, where, topics.Diff(wanted, world, topics.Options{}), topics.ApplyOptions{})
	return err
}
