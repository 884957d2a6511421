package headrace

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
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
	secret := NewSecret(canary)
	cluster := Cluster{Brokers: []string{"localhost:9092"}, SASL: &SASL{Mechanism: Plain, Username: "ann", Password: secret}}
	values := []any{
		secret, &secret, cluster, &cluster, *cluster.SASL, cluster.SASL,
		[]*SASL{cluster.SASL},
		[]Secret{secret},
		map[string]Secret{"a": secret},
		errors.New(secret.String()),
		struct{ hidden Secret }{secret},
		struct{ hidden *SASL }{cluster.SASL},
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10.3s", "%c", "%U", "%p", "%w", "%#p", "%z", "%!", "%*d", "none"} {
		for _, value := range values {
			if text := fmt.Sprintf(verb, value); seen(text) {
				t.Errorf("%s of %T shows the secret: %s", verb, value, text)
			}
			if text := fmt.Errorf(verb, value).Error(); seen(text) {
				t.Errorf("an error of %s of %T shows the secret: %s", verb, value, text)
			}
		}
	}
	if got := fmt.Sprint(secret); got != "***" {
		t.Errorf("prints as %q", got)
	}
	if got := fmt.Sprint(NewSecret("")); got != "" {
		t.Errorf("an absent secret prints as %q", got)
	}
}

func TestSecretIsNotEncoded(t *testing.T) {
	t.Parallel()
	type Holder struct{ Password Secret }
	holder := Holder{NewSecret(canary)}
	for name, encode := range map[string]func(any) ([]byte, error){
		"json": json.Marshal, "xml": xml.Marshal, "yaml": yaml.Marshal,
		"json of a map": func(any) ([]byte, error) { return json.Marshal(map[string]Secret{"password": NewSecret(canary)}) },
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
	secret := NewSecret(canary)
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
	var out bytes.Buffer
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		slog.New(handler).Info("any", "secret", secret, "sasl", sasl, "pointer", &sasl, slog.Any("hidden", struct{ hidden Secret }{secret}))
	}
	if seen(out.String()) || !strings.Contains(out.String(), redacted) {
		t.Errorf("log shows the secret: %s", out.String())
	}
}

func TestSecretIsNotSentByGob(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := gob.NewEncoder(&out).Encode(SASL{Mechanism: Plain, Username: "ann", Password: NewSecret(canary)})
	if err == nil || seen(out.String()) {
		t.Errorf("gob wrote %q, %v", out.String(), err)
	}
}

// What prints by reflection follows every field and pointer.
func TestSecretIsOutOfReachOfReflection(t *testing.T) {
	t.Parallel()
	var walk func(v reflect.Value, depth int)
	walk = func(v reflect.Value, depth int) {
		switch v.Kind() {
		case reflect.String:
			if seen(v.String()) {
				t.Error("reflection finds the secret")
			}
		case reflect.Pointer, reflect.Interface:
			if !v.IsNil() && depth < 10 {
				walk(v.Elem(), depth+1)
			}
		case reflect.Struct:
			for _, field := range v.Fields() {
				walk(field, depth+1)
			}
		}
	}
	sasl := &SASL{Mechanism: Plain, Username: "ann", Password: NewSecret(canary)}
	walk(reflect.ValueOf(sasl), 0)
}

func TestSecretIsRead(t *testing.T) {
	t.Parallel()
	var holder struct{ A, B Secret }
	if err := json.Unmarshal([]byte(`{"A":"canary-3b9"}`), &holder); err != nil {
		t.Fatal(err)
	}
	if got := holder.A.Reveal(); got != canary || holder.A.IsZero() || !holder.A.Equal(NewSecret(canary)) {
		t.Errorf("the secret is %q", got)
	}
	if got := holder.B.Reveal(); got != "" || !holder.B.IsZero() || holder.B.Equal(holder.A) {
		t.Errorf("the absent secret is %q", got)
	}
	holder.B, holder.A = holder.A, Secret{}
	if err := yaml.Unmarshal([]byte("a: canary-3b9\n"), &holder); err != nil || holder.A.Reveal() != canary {
		t.Errorf("YAML gives %q, %v", holder.A.Reveal(), err)
	}
}
