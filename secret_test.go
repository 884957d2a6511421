package headrace

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.yaml.in/yaml/v3"
)

const canary = "canary-3b9"

// seen reports whether the secret is in text, in a form somebody could turn back.
func seen(text string) bool {
	lower := strings.ToLower(text)
	return strings.Contains(lower, canary) || strings.Contains(lower, fmt.Sprintf("%x", canary)) ||
		strings.Contains(lower, strings.Trim(fmt.Sprintf("%d", []byte(canary)), "[]"))
}

func TestSecretIsNotPrinted(t *testing.T) {
	t.Parallel()
	secret := Secret(canary)
	cluster := Cluster{Brokers: []string{"localhost:9092"}, SASL: &SASL{Mechanism: Plain, Username: "ann", Password: secret}}
	values := []any{secret, &secret, cluster, &cluster, *cluster.SASL, cluster.SASL, []*SASL{cluster.SASL}, []Secret{secret}, map[Secret]Secret{secret: secret}, errors.New(secret.String())}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10.3s", "%c", "%U"} {
		for _, value := range values {
			if text := fmt.Sprintf(verb, value); seen(text) {
				t.Errorf("%s of %T shows the secret: %s", verb, value, text)
			}
		}
	}
	if got := fmt.Sprint(secret); got != "***" {
		t.Errorf("prints as %q", got)
	}
	if got := fmt.Sprint(Secret("")); got != "" {
		t.Errorf("an absent secret prints as %q", got)
	}
}

func TestSecretIsNotEncoded(t *testing.T) {
	t.Parallel()
	type Holder struct{ Password Secret }
	holder := Holder{canary}
	for name, encode := range map[string]func(any) ([]byte, error){
		"json": json.Marshal, "xml": xml.Marshal, "yaml": yaml.Marshal,
		"json of a map": func(any) ([]byte, error) { return json.Marshal(map[string]Secret{"password": canary}) },
	} {
		out, err := encode(holder)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if seen(string(out)) || !strings.Contains(string(out), "***") {
			t.Errorf("%s is %s", name, out)
		}
	}
}

func TestSecretIsNotLogged(t *testing.T) {
	t.Parallel()
	secret := Secret(canary)
	sasl := SASL{Mechanism: Plain, Username: "ann", Password: secret}
	for _, encoder := range []zapcore.Encoder{
		zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()),
	} {
		var out bytes.Buffer
		logger := zap.New(zapcore.NewCore(encoder, zapcore.AddSync(&out), zap.DebugLevel))
		logger.Info("any", zap.Any("secret", secret), zap.Any("sasl", struct {
			Username string
			Password Secret
		}{sasl.Username, sasl.Password}))
		logger.Info("stringer", zap.Stringer("secret", secret), zap.Error(fmt.Errorf("login: %v", sasl)))
		logger.Sugar().Infow("sugar", "secret", secret, "sasl", fmt.Sprintf("%+v", sasl))
		if seen(out.String()) {
			t.Errorf("log shows the secret: %s", out.String())
		}
	}
}
