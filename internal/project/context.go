package project

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/headrace/headrace"
)

// AmbiguousError says that a file has several contexts and nobody has chosen one.
type AmbiguousError struct {
	File     string
	Contexts []string
}

func (e *AmbiguousError) Error() string {
	return fmt.Sprintf("%s has the contexts %s: choose one with --context or HEADRACE_CONTEXT, or name one there (context: %s)",
		e.File, strings.Join(e.Contexts, ", "), e.Contexts[0])
}

// Choose returns the context of that name. Without a name it is the one the file names as its default, else its only one, else
// nil, or an [*AmbiguousError] where the file has several.
func (f *File) Choose(name string) (*Context, error) {
	if name == "" {
		name = f.Context
	}
	names := make([]string, len(f.Contexts))
	for i := range f.Contexts {
		names[i] = f.Contexts[i].Name
		if name == names[i] {
			return &f.Contexts[i], nil
		}
	}
	switch {
	case name != "":
		return nil, &Error{Position: Position{File: f.Path}, Message: fmt.Sprintf("it has no context %q", name), Hint: didYouMean(name, names)}
	case len(names) == 1:
		return &f.Contexts[0], nil
	case len(names) > 1:
		return nil, &AmbiguousError{File: f.Path, Contexts: names}
	}
	return nil, nil
}

// Cluster returns how to reach the context's cluster, with its secrets read from where the file says.
func (c *Context) Cluster() (headrace.Cluster, error) {
	cluster := headrace.Cluster{Brokers: c.Brokers, ClientID: c.ClientID, TLS: c.TLS.headrace()}
	if s := c.SASL; s != nil {
		password, err := s.Password.Read("password")
		if err != nil {
			return headrace.Cluster{}, err
		}
		cluster.SASL = &headrace.SASL{
			Mechanism: headrace.Mechanism(s.Mechanism), Username: s.Username, Password: password, AllowPlaintext: s.AllowPlaintext,
		}
		if s.Token != (SecretSource{At: s.Token.At}) {
			cluster.SASL.Token = func(context.Context) (string, error) {
				token, err := s.Token.Read("token")
				return token.Reveal(), err
			}
		}
	}
	if err := cluster.Validate(); err != nil {
		return headrace.Cluster{}, &Error{Position: c.At, Message: "context " + c.Name, Err: err}
	}
	return cluster, nil
}

// headrace returns the same as the other packages take it; nil stays nil.
func (t *TLS) headrace() *headrace.TLS {
	if t == nil {
		return nil
	}
	return &headrace.TLS{
		CAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile, ServerName: t.ServerName, InsecureSkipVerify: t.Insecure,
	}
}

// Encryption returns the registry's TLS settings, nil without any.
func (r *Registry) Encryption() *headrace.TLS { return r.TLS.headrace() }

// Read returns the secret, or an empty one when there is no source. what is "password" or "token", for the error.
func (s SecretSource) Read(what string) (headrace.Secret, error) {
	switch {
	case s.Env != "":
		value := os.Getenv(s.Env)
		if value == "" {
			return headrace.Secret{}, &Error{Position: s.At, Message: fmt.Sprintf("the environment variable %s, which holds the %s, is not set", s.Env, what)}
		}
		return headrace.NewSecret(value), nil
	case s.File != "":
		secret, err := headrace.SecretFromFile(s.File)
		if err != nil {
			return headrace.Secret{}, &Error{Position: s.At, Message: fmt.Sprintf("the file of the %s cannot be read", what), Err: err}
		}
		return secret, nil
	}
	return headrace.Secret{}, nil
}
