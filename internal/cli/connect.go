package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/internal/kafka"
	"github.com/headrace/headrace/internal/project"
	"github.com/headrace/headrace/schema/registry"
)

// cluster is where Kafka is: by flag, environment, headrace.yaml or default, in this order. A connection is taken whole: what
// belongs to one cluster, its secrets above all, does not go to another. A flag alone replaces the brokers of environment or context.
func (a *app) cluster() (headrace.Cluster, error) {
	cluster, err := a.clusterOf()
	if err != nil {
		return headrace.Cluster{}, err
	}
	if len(a.brokers) > 0 {
		cluster.Brokers = a.brokers
		if err := cluster.Validate(); err != nil {
			return headrace.Cluster{}, &usageError{fmt.Errorf("--brokers: %w", err)}
		}
	}
	return cluster, nil
}

func (a *app) clusterOf() (headrace.Cluster, error) {
	if a.context == "" && (len(a.brokers) > 0 || os.Getenv("KAFKA_BROKERS") != "") {
		return clusterFromEnv()
	}
	chosen, err := a.chosenContext()
	if err != nil {
		return headrace.Cluster{}, err
	}
	if chosen == nil || len(chosen.Brokers) == 0 {
		return clusterFromEnv()
	}
	if err := a.maySend(chosen, chosen.ClusterSecrets()); err != nil {
		return headrace.Cluster{}, err
	}
	a.leave(chosen, "KAFKA_SASL_", "KAFKA_TLS_")
	return chosen.Cluster()
}

func clusterFromEnv() (headrace.Cluster, error) {
	cluster, err := headrace.FromEnv()
	if err != nil {
		return headrace.Cluster{}, fmt.Errorf("environment: %w", err)
	}
	return cluster, nil
}

// openRegistry is a client of the registry, which is found as the cluster is. It fails at once when nobody listens there: the client itself would try again until the timeout, which is right for a service and not for a person.
func (a *app) openRegistry(ctx context.Context) (*registry.Client, error) {
	reg, err := a.registryClient()
	if err != nil {
		return nil, err
	}
	ctx, cancel := a.within(ctx)
	defer cancel()
	if err := dial(ctx, reg.URL()); err != nil {
		reg.Close()
		return nil, &registry.UnavailableError{URL: reg.URL(), Attempts: 1, Err: err}
	}
	return reg, nil
}

func (a *app) registryClient() (*registry.Client, error) {
	timeout := registry.WithTimeout(a.timeout)
	if a.registry != "" {
		reg, err := registry.FromEnvAt(a.registry, timeout)
		if err != nil {
			return nil, &usageError{fmt.Errorf("--registry: %w", err)}
		}
		return reg, nil
	}
	if a.context != "" || os.Getenv("SCHEMA_REGISTRY_URL") == "" {
		chosen, err := a.chosenContext()
		if err != nil {
			return nil, err
		}
		if chosen != nil && chosen.Registry != nil {
			return a.contextRegistry(chosen)
		}
	}
	reg, err := registry.FromEnv(timeout)
	if err != nil {
		return nil, fmt.Errorf("environment: %w", err)
	}
	return reg, nil
}

// contextRegistry is the registry of a context, taken whole as its cluster is.
func (a *app) contextRegistry(chosen *project.Context) (*registry.Client, error) {
	r := chosen.Registry
	if err := a.maySend(chosen, r.Secrets(chosen.At)); err != nil {
		return nil, err
	}
	a.leave(chosen, "SCHEMA_REGISTRY_")
	password, err := r.Password.Read("password")
	if err != nil {
		return nil, err
	}
	token, err := r.Token.Read("token")
	if err != nil {
		return nil, err
	}
	opts := []registry.Option{registry.WithTimeout(a.timeout)}
	if r.Username != "" || !password.IsZero() {
		opts = append(opts, registry.WithBasicAuth(r.Username, password))
	}
	if !token.IsZero() {
		opts = append(opts, registry.WithBearer(token))
	}
	if tls := r.Encryption(); tls != nil {
		opts = append(opts, registry.WithTLS(*tls))
	}
	if r.AllowPlaintext {
		opts = append(opts, registry.WithAllowPlaintextCredentials())
	}
	reg, err := registry.New(r.URL, opts...)
	if err != nil {
		return nil, fmt.Errorf("%v: context %s: %w", chosen.At, chosen.Name, err)
	}
	return reg, nil
}

// dial makes a connection to the host of an HTTP URL and drops it, unless a proxy stands between.
func dial(ctx context.Context, base string) error {
	u, err := url.Parse(base)
	if err != nil {
		return err
	}
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u})
	if err != nil {
		return errors.New("the proxy's URL in HTTP_PROXY or HTTPS_PROXY cannot be parsed") // the error has the URL, password and all
	}
	if proxy != nil {
		return nil
	}
	port := u.Port()
	if port == "" {
		port = u.Scheme // "http" and "https" are names of ports
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return err
	}
	return conn.Close()
}

// within bounds a question to brokers or registry.
func (a *app) within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, a.timeout, &timeoutError{a.timeout})
}

// timeoutError is why the context of a question has ended.
type timeoutError struct{ after time.Duration }

func (e *timeoutError) Error() string { return fmt.Sprintf("no answer within %v (--timeout)", e.after) }

// Unwrap makes it what it is to everybody else.
func (e *timeoutError) Unwrap() error { return context.DeadlineExceeded }

// codeSubjectNotFound is the registry's code for a subject it does not have.
const codeSubjectNotFound = 40401

// nextStep is what to try when an error is about reaching brokers or registry; "" for all others, which say it
// themselves.
func (a *app) nextStep(err error) string {
	var auth *kafka.AuthError
	var conn *kafka.ConnError
	var frame *kafka.FrameError
	var down *registry.UnavailableError
	var answer *registry.Error
	var step string
	switch {
	case errors.As(err, &auth) && auth.Method == "TLS":
		step = "Check KAFKA_TLS_CA_FILE and its neighbours.\n"
	case errors.As(err, &auth):
		step = "Check KAFKA_SASL_MECHANISM, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD.\n"
	case errors.As(err, &conn), errors.As(err, &frame):
		step = "Is Kafka there? --brokers or KAFKA_BROKERS say where, KAFKA_TLS_* and KAFKA_SASL_* how to connect;\n" +
			"`headrace dev` runs one on localhost:9092.\n"
	case errors.As(err, &down):
		step = "Is the registry there? --registry or SCHEMA_REGISTRY_URL say where;\n" +
			"`headrace dev` runs one on http://localhost:8081.\n"
	}
	if refused := errors.As(err, &answer) && (answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden); step != "" || refused {
		step += a.left
	}
	if errors.As(err, &answer) && answer.Code == codeSubjectNotFound {
		step = "`headrace schema list` lists the subjects.\n"
	}
	var told *timeoutError
	if errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &told) {
		step += fmt.Sprintf("Gave up after %v: --timeout gives it longer.\n", a.timeout)
	}
	return step
}
