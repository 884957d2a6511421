package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/headrace/headrace/internal/devserver"
)

// The ports that headrace.FromEnv and registry.FromEnv look at when nothing is said.
const (
	devKafkaPort    = 9092
	devRegistryPort = 8081
)

const devLong = `Run a Kafka broker and a schema registry in this process, on loopback only, until interrupted.

Topics, events, groups and schemas are kept in a directory and are there again at the next start.
Topics are not created by using them, and incompatible schemas are refused, as in production.

For development and tests: one broker, no replication, no authentication.`

type devFlags struct {
	kafkaPort, registryPort uint16
	data                    string
	memory                  bool
}

func (a *app) dev() *cobra.Command {
	var f devFlags
	cmd := &cobra.Command{
		Use:     "dev [flags]",
		Short:   "Run a broker and a registry for development",
		Long:    devLong,
		Example: "  headrace dev\n  headrace dev --memory --kafka-port 0 --registry-port 0",
		Args:    exactly(),
		RunE:    a.run(func(ctx context.Context, _ []string) error { return a.runDev(ctx, f) }),
	}
	flags := cmd.Flags()
	flags.Uint16Var(&f.kafkaPort, "kafka-port", devKafkaPort, "`port` of the broker; 0 takes a free one")
	flags.Uint16Var(&f.registryPort, "registry-port", devRegistryPort, "`port` of the registry; 0 takes a free one")
	flags.StringVar(&f.data, "data", ".headrace", "`directory` that keeps the data, created when missing")
	flags.BoolVar(&f.memory, "memory", false, "keep everything in memory and forget it at the end")
	cmd.MarkFlagsMutuallyExclusive("data", "memory")
	return cmd
}

func (a *app) runDev(ctx context.Context, f devFlags) error {
	cfg := devserver.Config{
		KafkaAddr:    loopback(f.kafkaPort),
		RegistryAddr: loopback(f.registryPort),
		DataDir:      f.data,
	}
	kept := f.data + " (kept between runs)"
	if f.memory {
		cfg.DataDir, kept = "", "in memory (gone at the end)"
	}
	server, err := devserver.Start(cfg)
	if err != nil {
		return devHint(err)
	}
	fmt.Fprintf(a.Stdout, "Kafka     %s\nRegistry  %s\nData      %s\n", server.KafkaAddr, server.RegistryURL, kept)
	a.note("\n%s\nCtrl-C stops both.", nextSteps(f, server))
	<-ctx.Done()
	a.note("stopping")
	return server.Close()
}

func loopback(port uint16) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(int(port)))
}

// nextSteps is what to type in another terminal; the addresses are spelt out when they are not the defaults.
func nextSteps(f devFlags, server *devserver.Server) string {
	export := ""
	if f.kafkaPort != devKafkaPort || f.registryPort != devRegistryPort {
		export = fmt.Sprintf("  export KAFKA_BROKERS=%s SCHEMA_REGISTRY_URL=%s\n", server.KafkaAddr, server.RegistryURL)
	}
	return "Next, in another terminal:\n" + export +
		"  headrace topics create orders --partitions 3\n" +
		"  headrace schema new shop.Order --field id:uuid --field cents:long\n" +
		"  headrace schema register schemas/Order.avsc --subject orders-value\n" +
		"  headrace schema sample schemas/Order.avsc -n 100 | headrace produce orders\n" +
		"  headrace consume orders --offset start"
}

// devHint adds the flag that gets around an error.
func devHint(err error) error {
	var port *devserver.PortError
	if errors.As(err, &port) && port.InUse() {
		return fmt.Errorf("%w: stop it, or choose another port with --%s-port", err, port.Server)
	}
	var locked *devserver.LockedError
	if errors.As(err, &locked) {
		return fmt.Errorf("%w with --data", err)
	}
	return err
}
