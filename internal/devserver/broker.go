package devserver

import (
	"fmt"
	"net"

	"github.com/twmb/franz-go/pkg/kfake"
)

// startBroker runs one broker on ln. Topics are never created by asking for them: a typing mistake should be an
// error on the development server, as it is on a production one.
func startBroker(ln net.Listener, dir string, extra []kfake.Opt, members *sessions) (*kfake.Cluster, error) {
	if len(extra) == 0 { // with TLS, which a test may add, no length is seen here
		ln = frameListener{ln, members}
	}
	opts := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.ClusterID("headrace-dev"),
		kfake.DefaultNumPartitions(1),
		kfake.ListenFn(func(string, string) (net.Listener, error) { return ln, nil }),
	}
	if dir != "" {
		opts = append(opts, kfake.DataDir(dir))
	}
	cluster, err := kfake.NewCluster(append(opts, extra...)...)
	if err != nil {
		return nil, fmt.Errorf("%w (a data directory that cannot be read can be deleted to start afresh)", err)
	}
	return cluster, nil
}
