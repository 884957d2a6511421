package project

import (
	"regexp"

	"github.com/headrace/headrace"
)

// layout is the shape of headrace.yaml.
func layout() *shape {
	return object("What a pipeline on Kafka needs: clusters, topics, groups, accounts and schemas.",
		optional("include", list("Other files of this form, relative to this one; * stands for any part of a name.", text("").such("topics/*.yaml"))),
		optional("context", text("The context to use when neither --context nor HEADRACE_CONTEXT says another.")),
		optional("contexts", dict("Clusters by name.", contextShape())),
		optional("defaults", overridesShape("What holds for every topic of this file that does not say otherwise.")),
		optional("topics", list("The topics.", topicShape())),
		optional("groups", list("The consumer groups, with the retry and dead-letter topics they need.", groupShape())),
		optional("accounts", list("The principals that run producers and groups. Their rights follow from what they do.", accountShape())),
		optional("schemas", schemasShape()),
	)
}

func mechanisms() []string {
	var names []string
	for _, m := range headrace.Mechanisms() {
		names = append(names, string(m))
	}
	return names
}

func contextShape() *shape {
	return object("A cluster with its registry, and what is different there.",
		optional("brokers", list("Addresses, host:port.", text("").such("localhost:9092"))),
		optional("production", boolean("Whether it is production: a replay there asks for the topic's name.")),
		optional("client_id", text("How this application is called in the brokers' logs.")),
		optional("tls", tlsShape()),
		optional("sasl", object("Who we are to the brokers.",
			needed("mechanism", choice("The SASL mechanism.", mechanisms()...)),
			optional("username", text("The user's name.")),
			inline("password", "password"), secretEnv("password"), secretFile("password"),
			inline("token", "token"), secretFile("token"),
			optional("allow_plaintext", boolean("Let the secret go to other machines without TLS.")),
		)),
		optional("registry", either(
			text("The registry's URL; it may carry a path.").such("http://localhost:8081"),
			object("A registry that asks who we are.",
				needed("url", text("The registry's URL; it may carry a path.")),
				optional("username", text("The user's name.")),
				inline("password", "password"), secretEnv("password"), secretFile("password"),
				inline("token", "token"), secretEnv("token"), secretFile("token"),
				optional("tls", tlsShape()),
				optional("allow_plaintext", boolean("Let the secret go to other machines over plain http.")),
			),
		)),
		optional("every_topic", overridesShape("What is different here of every topic, whatever the topic itself says.")),
		optional("topics", dict("What is different here of topics, by name.", overridesShape("What is different here of this topic."))),
		optional("groups", dict("What is different here of groups, by name.", object("What is different here of this group.",
			needed("retry", list("Delays of its retry topics.", text("").such("1s"))),
		))),
	)
}

func tlsShape() *shape {
	return object("Encryption; {} is TLS with the system's authorities.",
		optional("ca_file", text("PEM file of the authorities.")),
		optional("cert_file", text("PEM file of the client's certificate.")),
		optional("key_file", text("PEM file of its private key.")),
		optional("server_name", text("The name that certificates must carry.")),
		optional("insecure", boolean("Take any certificate: for experiments only.")),
	)
}

func overridesShape(doc string) *shape {
	return object(doc,
		optional("partitions", number("How many partitions.", 1)),
		optional("replication", number("Copies of each partition.", 1)),
		optional("config", configShape()),
	)
}

func topicShape() *shape {
	return object("A topic.",
		needed("name", text("The topic's name.")),
		optional("partitions", number("How many partitions; the broker's num.partitions when it is not said.", 1)),
		optional("replication", number("Copies of each partition; the broker's default.replication.factor when it is not said.", 1)),
		optional("config", configShape()),
		optional("events", list("Full names of the events it carries. One makes the subject TOPIC-value, several make TOPIC-NAME each.",
			text("").such("flights.FlightArrived"))),
		optional("compatibility", choice("Compatibility level of its subjects.",
			"NONE", "BACKWARD", "BACKWARD_TRANSITIVE", "FORWARD", "FORWARD_TRANSITIVE", "FULL", "FULL_TRANSITIVE")),
		optional("keyed", boolean("Whether its events are in order by key, true unless said: then partitions are not added lightly.")),
		optional("external", boolean("It is somebody else's: groups and accounts may name it, and it is left alone.")),
	)
}

func configShape() *shape {
	s := object("Settings in human units, or under Kafka's own names. What is not named is left alone.")
	for _, known := range settings() {
		value := &shape{kind: scalarPart, doc: known.name}
		switch known.kind {
		case durationValue:
			value.doc, value.examples = known.name+", a time", []string{"7d"}
		case bytesValue:
			value.doc, value.examples = known.name+", bytes", []string{"10MB"}
		case listValue:
			value = either(value, list(known.name, text("")))
		default:
			value.choices = known.choices
		}
		if known.short != "" {
			s.fields = append(s.fields, optional(known.short, value))
		}
		s.fields = append(s.fields, optional(known.name, value))
	}
	// A name of Kafka's that is not known here is for the broker to judge, unless it looks like a slip.
	s.def = "config"
	s.openWord = kafkaName.String()
	s.open = func(name string) bool { return kafkaName.MatchString(name) && nearest(name, settingNames()) == "" }
	return s
}

var kafkaName = regexp.MustCompile(`^[a-z0-9]+([.][a-z0-9]+)+$`)

func groupShape() *shape {
	return object("A consumer group.",
		needed("name", text("The group's id.")),
		needed("topics", list("The topics it reads.", text(""))),
		optional("retry", either(
			list("Delays of its retry topics.", text("").such("1m", "1h")),
			object("Retry topics with settings of their own.",
				needed("delays", list("Delays of its retry topics.", text("").such("1m", "1h"))),
				optional("config", configShape()),
			),
		)),
		optional("dead_letter", either(
			boolean("Whether it has dead-letter topics."),
			object("Dead-letter topics with settings of their own.", optional("config", configShape())),
		)),
	)
}

func accountShape() *shape {
	return object("A principal and what it does.",
		needed("name", text("The account's name.")),
		optional("principal", text("Kafka's name for it, User:NAME unless said.").such("User:delays")),
		optional("host", text("The address it comes from; any when it is not said.")),
		optional("produces", list("Topics it writes.", text(""))),
		optional("reads", list("Topics it reads without a group.", text(""))),
		optional("groups", list("Groups it runs.", text(""))),
		optional("redrives", list("Groups whose dead letters it returns or discards.", text(""))),
		optional("replays", list("Topics that its replays copy to.", text(""))),
	)
}

func schemasShape() *shape {
	return object("The Avro schemas.",
		optional("folder", text("Where they are, relative to this file; schemas unless said, where that is a folder.").such("schemas")),
		optional("lint", lintShape()),
	)
}

func object(doc string, fields ...field) *shape {
	return &shape{kind: objectPart, doc: doc, fields: fields}
}
func list(doc string, items *shape) *shape { return &shape{kind: listPart, doc: doc, items: items} }
func dict(doc string, items *shape) *shape { return &shape{kind: dictPart, doc: doc, items: items} }
func text(doc string) *shape               { return &shape{kind: textPart, doc: doc} }
func boolean(doc string) *shape            { return &shape{kind: boolPart, doc: doc} }
func either(one ...*shape) *shape          { return &shape{kind: eitherPart, either: one} }

func number(doc string, least int) *shape {
	return &shape{kind: numberPart, doc: doc, minimum: least}
}

func choice(doc string, choices ...string) *shape {
	return &shape{kind: textPart, doc: doc, choices: choices}
}

func (s *shape) such(examples ...string) *shape {
	s.examples = examples
	return s
}

func optional(name string, s *shape) field { return field{name: name, shape: s} }
func needed(name string, s *shape) field   { return field{name: name, required: true, shape: s} }

// inline is a field that people reach for and that is refused whatever stands there.
func inline(name, secret string) field {
	return field{name: name, shape: &shape{
		secret: true,
		doc:    "name the environment variable that holds it (" + secret + "_env) or a file (" + secret + "_file)",
	}}
}

func secretEnv(secret string) field {
	return optional(secret+"_env", text("Name of the environment variable that holds the "+secret+".").such("KAFKA_SASL_PASSWORD"))
}

func secretFile(secret string) field {
	return optional(secret+"_file", text("File that holds the "+secret+"."))
}
