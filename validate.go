package headrace

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Validate returns every mistake in the cluster's settings at once, joined, or nil. It opens no connection and reads
// no file, and no secret is part of what it says.
func (c Cluster) Validate() error { return c.validate("cluster") }

// validate names where the brokers came from.
func (c Cluster) validate(brokers string) error {
	var errs []error
	if len(c.Brokers) == 0 {
		errs = append(errs, errors.New("cluster: no broker address: set Brokers or KAFKA_BROKERS, for example localhost:9092"))
	}
	for i, address := range c.Brokers {
		if err := validateAddress(address); err != nil {
			errs = append(errs, fmt.Errorf("%s: broker %d%s: %w", brokers, i+1, quoted(address), err))
		}
	}
	if c.TLS != nil {
		errs = append(errs, c.TLS.validate())
	}
	if c.SASL != nil {
		errs = append(errs, c.SASL.validate())
		errs = append(errs, c.validateExposure())
	}
	return errors.Join(errs...)
}

// quoted is an address as an error shows it. One with an @ may hold a password, which some write before the host.
func quoted(address string) string {
	if strings.Contains(address, "@") {
		return ""
	}
	return fmt.Sprintf(" %q", address[:min(len(address), 300)])
}

func validateAddress(address string) error {
	if strings.Contains(address, "@") {
		return errors.New("it has an @: user and password do not belong in an address: set SASL or KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD")
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return errors.New("want host:port, for example localhost:9092 or [::1]:9092")
	}
	if host == "" {
		return errors.New("host is missing")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("port %q is not a number from 1 to 65535", port)
	}
	return nil
}

func (t *TLS) validate() error {
	var errs []error
	if t.CertFile != "" && t.KeyFile == "" {
		errs = append(errs, fmt.Errorf("cluster: TLS certificate %s has no key: set KeyFile or KAFKA_TLS_KEY_FILE", t.CertFile))
	}
	if t.KeyFile != "" && t.CertFile == "" {
		errs = append(errs, fmt.Errorf("cluster: TLS key %s has no certificate: set CertFile or KAFKA_TLS_CERT_FILE", t.KeyFile))
	}
	if t.InsecureSkipVerify && t.CAFile != "" {
		errs = append(errs, fmt.Errorf("cluster: TLS CA file %s has no effect while InsecureSkipVerify is set: drop one of them", t.CAFile))
	}
	return errors.Join(errs...)
}

func (c Cluster) validateExposure() error {
	if c.TLS != nil || c.SASL.AllowPlaintext || !c.SASL.Mechanism.SendsSecret() {
		return nil
	}
	var errs []error
	for _, address := range c.Brokers {
		host, _, err := net.SplitHostPort(address)
		if err != nil || isLoopback(host) || strings.Contains(address, "@") {
			continue
		}
		errs = append(errs, fmt.Errorf("cluster: SASL %s would send its secret to %s without TLS: switch TLS on (KAFKA_TLS_ENABLED=true), or set AllowPlaintext (KAFKA_SASL_ALLOW_PLAINTEXT=true) to accept that", c.SASL.Mechanism, address))
	}
	return errors.Join(errs...)
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
