package project

import "time"

// File is headrace.yaml together with the files it includes. Everything is in the order written.
type File struct {
	Path     string   // of the file itself, absolute
	Files    []string // it and every file included, absolute
	Digest   string   // SHA-256 over the names and contents of Files, in hexadecimal
	Context  string   // the context to use when nobody says another; may be empty
	Contexts []Context
	Topics   []Topic
	Groups   []Group
	Accounts []Account
	Schemas  Schemas
}

// Context is one cluster with its registry, and what is different there.
type Context struct {
	At         Position
	Name       string
	Production bool // what writes to it asks twice
	Brokers    []string
	ClientID   string
	TLS        *TLS
	SASL       *SASL
	Registry   *Registry

	// EveryTopic and Topics override what the file says of all topics and then of one; of their settings only those they name.
	EveryTopic Overrides
	Topics     []TopicOverrides
	// Groups replace parts of groups; nil replaces nothing.
	Groups []GroupOverrides
}

// TLS is the encryption of a connection; file names are absolute.
type TLS struct {
	CAFile, CertFile, KeyFile string
	ServerName                string
	Insecure                  bool
}

// SASL says who we are to the brokers. The password itself is never in the file.
type SASL struct {
	Mechanism      string
	Username       string
	Password       SecretSource
	Token          SecretSource // for OAUTHBEARER
	AllowPlaintext bool
}

// Registry is a schema registry and who we are there.
type Registry struct {
	URL            string
	Username       string
	Password       SecretSource
	Token          SecretSource
	TLS            *TLS
	AllowPlaintext bool
}

// SecretSource says where a secret is: in an environment variable or in a file. The zero value is no secret.
type SecretSource struct {
	At   Position
	Env  string
	File string // absolute
}

// Topic is what the file wants of one topic, with the file's defaults filled in.
type Topic struct {
	At            Position
	Name          string
	Partitions    int // 0 leaves it to the broker
	Replication   int // 0 leaves it to the broker
	Config        []Setting
	Events        []Event
	Compatibility string // level of its subjects; empty leaves it to the registry
	Unkeyed       bool   // `keyed: false`: no order by key, so that partitions may be added freely
	External      bool   // somebody else's: groups and accounts may name it, and it is left alone
}

// Event is the full name of an event that a topic carries.
type Event struct {
	At   Position
	Name string
}

// Setting is one setting of a topic under Kafka's name, with the value as Kafka writes it.
type Setting struct {
	At      Position
	Name    string // retention.ms
	Value   string // 604800000
	Written string // 7d
}

// Overrides replace a part of a topic: zero values replace nothing.
type Overrides struct {
	Partitions  int
	Replication int
	Config      []Setting
}

// TopicOverrides are the overrides of one topic by name.
type TopicOverrides struct {
	At   Position
	Name string
	Overrides
}

// GroupOverrides are what is different of one group.
type GroupOverrides struct {
	At    Position
	Name  string
	Retry []time.Duration
}

// Group is a consumer group and the topics it needs beside those it reads.
type Group struct {
	At         Position
	Name       string
	Topics     []Name
	Retry      []time.Duration // one retry topic per delay
	DeadLetter bool
	// RetryConfig and DeadLetterConfig are settings of those topics, over those that headrace gives them.
	RetryConfig      []Setting
	DeadLetterConfig []Setting
}

// Name is a name that refers to something else in the file.
type Name struct {
	At   Position
	Name string
}

// Account is a principal and what it does, from which its rights follow.
type Account struct {
	At        Position
	Name      string
	Principal string // User:<name> unless written
	Host      string // * unless written
	Produces  []Name // topics it writes
	Reads     []Name // topics it reads without a group
	Groups    []Name // groups it runs: their topics, retry topics and dead-letter topics
	Redrives  []Name // groups whose dead letters it returns or discards
	Replays   []Name // topics that it copies to
}

// Schemas says where the Avro schemas are and how they are checked.
type Schemas struct {
	At     Position
	Folder string // absolute; unless written, schemas beside the file where that is a folder, else the file's own folder
	Lint   LintConfig
}
