package cli

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/headrace/headrace/internal/project"
)

// errNoSecrets ends a completion, which shows no errors.
var errNoSecrets = errors.New("a completion sends no secrets")

// maySend reports why the secrets of a context must not be used. A headrace.yaml may come with anybody's folder, and could have them sent
// to an address of its own: somebody must have chosen the context or the file.
func (a *app) maySend(chosen *project.Context, secrets []project.SecretUse) error {
	switch {
	case len(secrets) == 0:
		return nil
	case a.completing:
		return errNoSecrets
	case a.context != "", os.Getenv("HEADRACE_CONTEXT") != "", a.file != "":
		return nil
	}
	trust, err := project.UserTrust()
	if err != nil {
		return err
	}
	now, before, err := trust.Trusts(a.loaded)
	if err != nil || now {
		return err
	}
	why := "nobody has said that this file may use secrets"
	if before {
		why = "the file, or one that it includes, has changed since it was trusted"
	}
	return &usageError{&project.Error{
		Position: secrets[0].At,
		Message:  fmt.Sprintf("context %s names a secret (%s), and %s", chosen.Name, secrets[0].Name, why),
		Hint:     fmt.Sprintf("look at it, then run `headrace config trust`, or name the context with --context %s", chosen.Name),
	}}
}

// leave notes that the environment has credentials, which do not go to the address of a file.
func (a *app) leave(chosen *project.Context, prefixes ...string) {
	for _, prefix := range prefixes {
		for _, variable := range os.Environ() {
			name, value, _ := strings.Cut(variable, "=")
			if value == "" || !strings.HasPrefix(name, prefix) || name == "SCHEMA_REGISTRY_URL" || name == "SCHEMA_REGISTRY_SNAPSHOT" {
				continue
			}
			address := "KAFKA_BROKERS"
			if prefix == "SCHEMA_REGISTRY_" {
				address = "SCHEMA_REGISTRY_URL"
			}
			a.left += fmt.Sprintf("%s was not used: the address is that of context %s in %s. Name the secret there, or set %s.\n",
				name, chosen.Name, relative(chosen.At.File), address)
			return
		}
	}
}
