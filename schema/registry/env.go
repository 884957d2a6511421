package registry

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/printable"
)

// FromEnv is [New] with options from the environment. The options of opts override them. An empty variable counts as unset.
//
//	SCHEMA_REGISTRY_URL              defaults to http://localhost:8081; may carry a path
//	SCHEMA_REGISTRY_USERNAME
//	SCHEMA_REGISTRY_PASSWORD         or SCHEMA_REGISTRY_PASSWORD_FILE, read once, its last line break dropped
//	SCHEMA_REGISTRY_TOKEN            or SCHEMA_REGISTRY_TOKEN_FILE, a bearer token
//	SCHEMA_REGISTRY_TLS_CA_FILE      PEM file; defaults to the system's authorities
//	SCHEMA_REGISTRY_TLS_CERT_FILE    PEM file, with SCHEMA_REGISTRY_TLS_KEY_FILE
//	SCHEMA_REGISTRY_TLS_KEY_FILE     PEM file, with SCHEMA_REGISTRY_TLS_CERT_FILE
//	SCHEMA_REGISTRY_TLS_SERVER_NAME  defaults to the URL's host
//	SCHEMA_REGISTRY_TLS_INSECURE     true switches certificate checks off
//	SCHEMA_REGISTRY_ALLOW_PLAINTEXT  true lets credentials go over plain http to other machines
//	SCHEMA_REGISTRY_SNAPSHOT         file that answers while the registry is down, see WithSnapshot
func FromEnv(opts ...Option) (*Client, error) {
	base := os.Getenv("SCHEMA_REGISTRY_URL")
	if base == "" {
		base = DefaultURL
	}
	return FromEnvAt(base, opts...)
}

// FromEnvAt is [FromEnv] with base in place of SCHEMA_REGISTRY_URL, for programs that take the URL from a flag and the credentials from
// the environment.
func FromEnvAt(base string, opts ...Option) (*Client, error) {
	e := variables{}
	var set []Option
	user, password := os.Getenv("SCHEMA_REGISTRY_USERNAME"), e.secret("SCHEMA_REGISTRY_PASSWORD")
	if user != "" || !password.IsZero() {
		set = append(set, WithBasicAuth(user, password))
	}
	if token := e.secret("SCHEMA_REGISTRY_TOKEN"); !token.IsZero() {
		set = append(set, WithBearer(token))
	}
	tls := headrace.TLS{
		CAFile:             os.Getenv("SCHEMA_REGISTRY_TLS_CA_FILE"),
		CertFile:           os.Getenv("SCHEMA_REGISTRY_TLS_CERT_FILE"),
		KeyFile:            os.Getenv("SCHEMA_REGISTRY_TLS_KEY_FILE"),
		ServerName:         os.Getenv("SCHEMA_REGISTRY_TLS_SERVER_NAME"),
		InsecureSkipVerify: e.flag("SCHEMA_REGISTRY_TLS_INSECURE"),
	}
	if tls != (headrace.TLS{}) {
		set = append(set, WithTLS(tls))
	}
	if e.flag("SCHEMA_REGISTRY_ALLOW_PLAINTEXT") {
		set = append(set, WithAllowPlaintextCredentials())
	}
	if path := os.Getenv("SCHEMA_REGISTRY_SNAPSHOT"); path != "" {
		set = append(set, WithSnapshot(path))
	}
	if err := errors.Join(e.errs...); err != nil {
		return nil, err
	}
	return New(base, append(set, opts...)...)
}

// variables reads variables and collects what is wrong with them.
type variables struct {
	errs []error
}

func (e *variables) flag(name string) bool {
	value := os.Getenv(name)
	if value == "" {
		return false
	}
	on, err := strconv.ParseBool(value)
	if err != nil {
		e.errs = append(e.errs, fmt.Errorf("%s: %q is neither true nor false", name, printable.Clip(value)))
	}
	return on
}

func (e *variables) secret(name string) headrace.Secret {
	value, file := os.Getenv(name), os.Getenv(name+"_FILE")
	switch {
	case file == "":
		return headrace.NewSecret(value)
	case value != "":
		e.errs = append(e.errs, fmt.Errorf("%s and %s_FILE are both set: keep one", name, name))
		return headrace.Secret{}
	}
	secret, err := headrace.SecretFromFile(file)
	if err != nil {
		e.errs = append(e.errs, fmt.Errorf("%s_FILE: %w", name, err))
	}
	return secret
}
