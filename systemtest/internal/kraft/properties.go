package kraft

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// properties renders server.properties of one node: quick to elect, to rebalance and to notice a dead broker, and
// strict about what is acknowledged.
func (c *Cluster) properties(n *Node) string {
	replicas := strconv.Itoa(c.config.Nodes)
	insync := strconv.Itoa(min(2, c.config.Nodes))
	session := "3000"
	if c.config.Nodes == 1 {
		session = "30000" // nobody could take over: a pause of a busy machine must not fence the only broker
	}
	p := map[string]string{
		"process.roles":                                    "broker,controller",
		"node.id":                                          strconv.Itoa(int(n.ID)),
		"log.dirs":                                         n.dir + "/data",
		"controller.quorum.voters":                         c.voters(),
		"controller.listener.names":                        "CONTROLLER",
		"inter.broker.listener.name":                       "INTERNAL",
		"auto.create.topics.enable":                        "false",
		"unclean.leader.election.enable":                   "false",
		"default.replication.factor":                       replicas,
		"min.insync.replicas":                              insync,
		"offsets.topic.replication.factor":                 replicas,
		"offsets.topic.num.partitions":                     "3",
		"transaction.state.log.replication.factor":         replicas,
		"transaction.state.log.min.isr":                    insync,
		"transaction.state.log.num.partitions":             "3",
		"share.coordinator.state.topic.num.partitions":     "1",
		"share.coordinator.state.topic.min.isr":            insync,
		"share.coordinator.state.topic.replication.factor": replicas,
		"group.initial.rebalance.delay.ms":                 "0",
		"group.min.session.timeout.ms":                     "1000",
		"broker.heartbeat.interval.ms":                     "500",
		"broker.session.timeout.ms":                        session,
		"controlled.shutdown.retry.backoff.ms":             "500",
		"replica.lag.time.max.ms":                          "5000",
	}
	c.addListeners(n, p)
	if c.config.Authorize {
		p["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
		// Whoever reaches the plaintext internal listener is anonymous: the brokers themselves and the test's admin client.
		p["super.users"] = "User:ANONYMOUS"
	}
	maps.Copy(p, c.config.Properties)

	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(p)) {
		fmt.Fprintf(&text, "%s=%s\n", key, p[key])
	}
	return text.String()
}

func (c *Cluster) voters() string {
	voters := make([]string, len(c.nodes))
	for i, n := range c.nodes {
		voters[i] = fmt.Sprintf("%d@127.0.0.1:%d", n.ID, n.controller)
	}
	return strings.Join(voters, ",")
}

func (c *Cluster) addListeners(n *Node, p map[string]string) {
	listeners := []string{fmt.Sprintf("CONTROLLER://127.0.0.1:%d", n.controller), "INTERNAL://" + n.Internal}
	advertised := []string{"INTERNAL://" + n.Internal}
	protocols := []string{"CONTROLLER:PLAINTEXT", "INTERNAL:PLAINTEXT"}
	for _, l := range c.config.Listeners {
		listeners = append(listeners, l.Name+"://"+n.bound[l.Name])
		advertised = append(advertised, l.Name+"://"+n.advertised[l.Name])
		protocols = append(protocols, l.Name+":"+l.protocol())
		prefix := "listener.name." + strings.ToLower(l.Name) + "."
		if l.Identity != nil {
			p[prefix+"ssl.keystore.type"] = "PEM"
			p[prefix+"ssl.keystore.location"] = l.Identity.KeyAndChain
		}
		if l.SASL {
			p[prefix+"sasl.enabled.mechanisms"] = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"
			p[prefix+"plain.sasl.jaas.config"] = c.plainUsers()
			for _, mechanism := range []string{"scram-sha-256", "scram-sha-512"} {
				p[prefix+mechanism+".sasl.jaas.config"] = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
			}
		}
	}
	p["listeners"] = strings.Join(listeners, ",")
	p["advertised.listeners"] = strings.Join(advertised, ",")
	p["listener.security.protocol.map"] = strings.Join(protocols, ",")
}

func (c *Cluster) plainUsers() string {
	var jaas strings.Builder
	jaas.WriteString("org.apache.kafka.common.security.plain.PlainLoginModule required")
	for _, user := range slices.Sorted(maps.Keys(c.config.Users)) {
		fmt.Fprintf(&jaas, " user_%s=%q", user, c.config.Users[user])
	}
	return jaas.String() + ";"
}
