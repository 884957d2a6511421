package headrace

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// The default of KAFKA_BROKERS: where `headrace dev` and the compose file listen.
const defaultBroker = "localhost:9092"

// FromEnv reads a Cluster from the environment and validates it. It reports every mistake at once, by variable name.
//
//	KAFKA_BROKERS               addresses, separated by commas; defaults to localhost:9092
//	KAFKA_CLIENT_ID             defaults to "headrace"
//	KAFKA_TLS_ENABLED           true or false; defaults to true when any other KAFKA_TLS_ variable is set
//	KAFKA_TLS_CA_FILE           PEM file; defaults to the system's authorities
//	KAFKA_TLS_CERT_FILE         PEM file, with KAFKA_TLS_KEY_FILE
//	KAFKA_TLS_KEY_FILE          PEM file, with KAFKA_TLS_CERT_FILE
//	KAFKA_TLS_SERVER_NAME       defaults to each broker's host name
//	KAFKA_TLS_INSECURE          true switches certificate checks off
//	KAFKA_SASL_MECHANISM        one of [Mechanisms], as PLAIN; unset means no authentication
//	KAFKA_SASL_USERNAME
//	KAFKA_SASL_PASSWORD         or KAFKA_SASL_PASSWORD_FILE, read once, its last line break dropped
//	KAFKA_SASL_TOKEN_FILE       for OAUTHBEARER; read again for every connection, so that it can be rotated
//	KAFKA_SASL_ALLOW_PLAINTEXT  true lets PLAIN and OAUTHBEARER go without TLS to other machines
//
// An empty variable counts as unset.
func FromEnv() (Cluster, error) {
	e := &environment{}
	cluster := Cluster{
		Brokers:  splitList(e.get("KAFKA_BROKERS", defaultBroker)),
		ClientID: e.get("KAFKA_CLIENT_ID", DefaultClientID),
		TLS:      e.tls(),
		SASL:     e.sasl(),
	}
	if err := errors.Join(append(e.errs, cluster.validate("KAFKA_BROKERS"))...); err != nil {
		return Cluster{}, err
	}
	return cluster, nil
}

// environment reads variables and collects what is wrong with them.
type environment struct {
	errs []error
}

func (e *environment) get(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func (e *environment) bool(name string, otherwise bool) bool {
	value := os.Getenv(name)
	if value == "" {
		return otherwise
	}
	parsed, err := strconv.ParseBool(value)
	if err != nil {
		e.errs = append(e.errs, fmt.Errorf("%s: %q is neither true nor false", name, value))
	}
	return parsed
}

func (e *environment) tls() *TLS {
	t := TLS{
		CAFile:             e.get("KAFKA_TLS_CA_FILE", ""),
		CertFile:           e.get("KAFKA_TLS_CERT_FILE", ""),
		KeyFile:            e.get("KAFKA_TLS_KEY_FILE", ""),
		ServerName:         e.get("KAFKA_TLS_SERVER_NAME", ""),
		InsecureSkipVerify: e.bool("KAFKA_TLS_INSECURE", false),
	}
	if !e.bool("KAFKA_TLS_ENABLED", t != TLS{}) {
		return nil
	}
	return &t
}

func (e *environment) sasl() *SASL {
	s := SASL{
		Mechanism:      Mechanism(strings.ToUpper(e.get("KAFKA_SASL_MECHANISM", ""))),
		Username:       e.get("KAFKA_SASL_USERNAME", ""),
		Password:       e.secret("KAFKA_SASL_PASSWORD"),
		AllowPlaintext: e.bool("KAFKA_SASL_ALLOW_PLAINTEXT", false),
	}
	tokenFile := e.get("KAFKA_SASL_TOKEN_FILE", "")
	if tokenFile != "" {
		s.Token = func(context.Context) (string, error) {
			token, err := SecretFromFile(tokenFile)
			return token.Reveal(), err
		}
	}
	if s.Mechanism == "" && s.Username == "" && s.Password.IsZero() && tokenFile == "" {
		return nil
	}
	return &s
}

// secret reads NAME, or the file that NAME_FILE names; both at once is a mistake, because one of them would be ignored.
func (e *environment) secret(name string) Secret {
	value, file := os.Getenv(name), os.Getenv(name+"_FILE")
	if file == "" {
		return NewSecret(value)
	}
	if value != "" {
		e.errs = append(e.errs, fmt.Errorf("%s and %s_FILE are both set: keep one", name, name))
		return Secret{}
	}
	secret, err := SecretFromFile(file)
	if err != nil {
		e.errs = append(e.errs, fmt.Errorf("%s_FILE: %w", name, err))
	}
	return secret
}

func splitList(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
