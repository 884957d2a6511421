// Package interop holds the toolkit's bytes against two other implementations of Kafka's formats: the Java client and
// librdkafka.
package interop

import (
	"fmt"
	"testing"

	"github.com/headrace/headrace/systemtest/internal/apicurio"
	"github.com/headrace/headrace/systemtest/internal/javaclient"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// codecs are the compression types of record batches, by Kafka's names.
var codecs = []string{"none", "gzip", "snappy", "lz4", "zstd"}

// bench is what the cases share: one cluster, one registry, other clients.
type bench struct {
	cluster  *kraft.Cluster
	java     *javaclient.Client
	registry string
}

func TestOtherClients(t *testing.T) {
	registry := apicurio.Start(t)
	for _, version := range stack.Versions(kraft.Current) {
		t.Run(version, func(t *testing.T) {
			cluster := kraft.Start(t, kraft.Config{Version: version})
			b := &bench{cluster: cluster, java: javaclient.New(t, cluster), registry: registry.URL}
			for _, codec := range codecs {
				t.Run("reads "+codec+" of Java and kcat", func(t *testing.T) { readTheirs(t, b, codec) })
				t.Run("writes "+codec+" for Java and kcat", func(t *testing.T) { writeOurs(t, b, codec) })
			}
			t.Run("drops what Java aborts", func(t *testing.T) { dropAborted(t, b) })
		})
	}
}

func topicName(format string, args ...any) string { return fmt.Sprintf(format, args...) }
