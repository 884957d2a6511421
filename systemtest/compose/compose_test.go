// Package compose holds docker-compose.yml against the compose specification and against the defaults in the code.
package compose

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/headrace/headrace"
	"github.com/headrace/headrace/schema/registry"

	"github.com/headrace/headrace/systemtest/internal/cache"
)

// load parses and validates the file as a container engine would, with an empty environment.
func load(t *testing.T) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{composeFile(t)}, cli.WithName("headrace"))
	if err != nil {
		t.Fatal(err)
	}
	project, err := options.LoadProject(t.Context())
	if err != nil {
		t.Fatalf("docker-compose.yml is not valid: %v", err)
	}
	return project
}

func composeFile(t *testing.T) string {
	t.Helper()
	root, err := cache.Root()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, "..", "docker-compose.yml")
}

func service(t *testing.T, p *types.Project, name string) types.ServiceConfig {
	t.Helper()
	s, err := p.GetService(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// publishes reports whether the service publishes the container's port of this number under the same number, to this
// machine only.
func publishes(s types.ServiceConfig, port string) bool {
	return slices.ContainsFunc(s.Ports, func(p types.ServicePortConfig) bool {
		return p.Published == port && p.HostIP == "127.0.0.1" && p.Protocol == "tcp" && p.Target == mustPort(port)
	})
}

func mustPort(port string) uint32 {
	n, err := net.LookupPort("tcp", port)
	if err != nil {
		return 0
	}
	return uint32(n)
}

func TestKafkaIsWhereTheDefaultClusterLooks(t *testing.T) {
	t.Setenv("KAFKA_BROKERS", "")
	cluster, err := headrace.FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	kafka := service(t, load(t), "kafka")
	for _, broker := range cluster.Brokers {
		_, port, err := net.SplitHostPort(broker)
		if err != nil {
			t.Fatal(err)
		}
		if !publishes(kafka, port) {
			t.Errorf("service kafka publishes %v, the default broker is %s", kafka.Ports, broker)
		}
		if advertised := listeners(kafka, "KAFKA_ADVERTISED_LISTENERS")["HOST"]; advertised != broker {
			t.Errorf("kafka sends clients on this machine to %s, the default broker is %s", advertised, broker)
		}
		if bound := listeners(kafka, "KAFKA_LISTENERS")["HOST"]; bound != ":"+port {
			t.Errorf("listener HOST is bound to %s, want :%s", bound, port)
		}
	}
}

func TestRegistryIsWhereTheDefaultLooks(t *testing.T) {
	t.Setenv("SCHEMA_REGISTRY_URL", "")
	reg, err := registry.FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	defer reg.Close()
	base, err := url.Parse(reg.URL())
	if err != nil {
		t.Fatal(err)
	}
	project := load(t)
	s := service(t, project, "schema-registry")
	if !publishes(s, base.Port()) {
		t.Errorf("service schema-registry publishes %v, the default registry is %s", s.Ports, base)
	}
	if got, want := variable(s, "SCHEMA_REGISTRY_LISTENERS"), "http://0.0.0.0:"+base.Port(); got != want {
		t.Errorf("the registry listens on %s, want %s", got, want)
	}
	inside := listeners(service(t, project, "kafka"), "KAFKA_ADVERTISED_LISTENERS")["NETWORK"]
	if got, want := variable(s, "SCHEMA_REGISTRY_KAFKASTORE_BOOTSTRAP_SERVERS"), "PLAINTEXT://"+inside; got != want {
		t.Errorf("the registry keeps its schemas on %s, kafka advertises %s to containers", got, want)
	}
}

func TestServicesStartInOrderOnceHealthy(t *testing.T) {
	t.Parallel()
	project := load(t)
	for name, s := range project.Services {
		if s.HealthCheck == nil || len(s.HealthCheck.Test) == 0 || s.HealthCheck.Retries == nil {
			t.Errorf("service %s has no health check", name)
		}
		if image, tag, tagged := strings.Cut(s.Image, ":"); !tagged || tag == "latest" {
			t.Errorf("service %s: image %s is not pinned to a version", name, image)
		}
		for _, volume := range s.Volumes {
			if _, declared := project.Volumes[volume.Source]; volume.Type == types.VolumeTypeVolume && !declared {
				t.Errorf("service %s: volume %s is not declared", name, volume.Source)
			}
		}
	}
	needs := service(t, project, "schema-registry").DependsOn["kafka"]
	if needs.Condition != types.ServiceConditionHealthy {
		t.Errorf("schema-registry starts when kafka is %q, want %q", needs.Condition, types.ServiceConditionHealthy)
	}
}

func TestKafkaIsOneNodeWithoutZooKeeper(t *testing.T) {
	t.Parallel()
	kafka := service(t, load(t), "kafka")
	want := map[string]string{
		"KAFKA_PROCESS_ROLES":                                    "broker,controller",
		"KAFKA_INTER_BROKER_LISTENER_NAME":                       "NETWORK",
		"KAFKA_AUTO_CREATE_TOPICS_ENABLE":                        "false",
		"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR":                 "1",
		"KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR":         "1",
		"KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
	}
	for name, value := range want {
		if got := variable(kafka, name); got != value {
			t.Errorf("%s is %q, want %q", name, got, value)
		}
	}
	for name := range listeners(kafka, "KAFKA_LISTENERS") {
		if !strings.Contains(variable(kafka, "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"), name+":PLAINTEXT") {
			t.Errorf("listener %s has no security protocol", name)
		}
	}
}

func TestFileHasNoVersionKey(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(composeFile(t))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "version:") {
			t.Error("docker-compose.yml has a version key, which the specification calls obsolete")
		}
	}
}

// listeners splits a list such as HOST://:9092,NETWORK://:29092 by name.
func listeners(s types.ServiceConfig, name string) map[string]string {
	byName := map[string]string{}
	for listener := range strings.SplitSeq(variable(s, name), ",") {
		if key, address, found := strings.Cut(listener, "://"); found {
			byName[key] = address
		}
	}
	return byName
}

func variable(s types.ServiceConfig, name string) string {
	if value := s.Environment[name]; value != nil {
		return *value
	}
	return ""
}
