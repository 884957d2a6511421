package headrace

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestFromEnv(t *testing.T) {
	dir := t.TempDir()
	passwordFile := filepath.Join(dir, "password")
	if err := os.WriteFile(passwordFile, []byte("from file\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		env  map[string]string
		want Cluster
		says []string // of the error; empty means none
	}{
		"nothing set": {
			want: Cluster{Brokers: []string{"localhost:9092"}, ClientID: "headrace"},
		},
		"several brokers": {
			env:  map[string]string{"KAFKA_BROKERS": " a:1, b:2 ,,[::1]:3", "KAFKA_CLIENT_ID": "flights"},
			want: Cluster{Brokers: []string{"a:1", "b:2", "[::1]:3"}, ClientID: "flights"},
		},
		"TLS by one variable": {
			env:  map[string]string{"KAFKA_TLS_CA_FILE": "ca.pem"},
			want: Cluster{Brokers: []string{"localhost:9092"}, ClientID: "headrace", TLS: &TLS{CAFile: "ca.pem"}},
		},
		"TLS with the system's authorities": {
			env:  map[string]string{"KAFKA_TLS_ENABLED": "true"},
			want: Cluster{Brokers: []string{"localhost:9092"}, ClientID: "headrace", TLS: &TLS{}},
		},
		"TLS switched off": {
			env:  map[string]string{"KAFKA_TLS_ENABLED": "false", "KAFKA_TLS_CA_FILE": "ca.pem"},
			want: Cluster{Brokers: []string{"localhost:9092"}, ClientID: "headrace"},
		},
		"SASL with a password file": {
			env: map[string]string{
				"KAFKA_SASL_MECHANISM": "scram-sha-512", "KAFKA_SASL_USERNAME": "ann", "KAFKA_SASL_PASSWORD_FILE": passwordFile,
			},
			want: Cluster{
				Brokers: []string{"localhost:9092"}, ClientID: "headrace",
				SASL: &SASL{Mechanism: SCRAMSHA512, Username: "ann", Password: NewSecret("from file")},
			},
		},
		"password twice": {
			env: map[string]string{
				"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "ann", "KAFKA_SASL_PASSWORD": "x", "KAFKA_SASL_PASSWORD_FILE": passwordFile,
			},
			says: []string{"KAFKA_SASL_PASSWORD and KAFKA_SASL_PASSWORD_FILE are both set"},
		},
		"password file is missing": {
			env:  map[string]string{"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "ann", "KAFKA_SASL_PASSWORD_FILE": filepath.Join(dir, "none")},
			says: []string{"KAFKA_SASL_PASSWORD_FILE", "none"},
		},
		"user without mechanism": {
			env:  map[string]string{"KAFKA_SASL_USERNAME": "ann"},
			says: []string{"needs a mechanism"},
		},
		"everything wrong at once": {
			env: map[string]string{
				"KAFKA_BROKERS": "a,b:0,:1", "KAFKA_TLS_INSECURE": "maybe", "KAFKA_TLS_CERT_FILE": "c.pem", "KAFKA_SASL_MECHANISM": "KERBEROS",
			},
			says: []string{`KAFKA_BROKERS: broker 1 "a"`, `broker 2 "b:0"`, `broker 3 ":1"`, `KAFKA_TLS_INSECURE: "maybe"`, "c.pem has no key", `"KERBEROS"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, variable := range os.Environ() {
				if key, _, _ := strings.Cut(variable, "="); strings.HasPrefix(key, "KAFKA_") {
					t.Setenv(key, "")
				}
			}
			for key, value := range test.env {
				t.Setenv(key, value)
			}
			got, err := FromEnv()
			if (err != nil) != (len(test.says) > 0) {
				t.Fatalf("error is %v", err)
			}
			for _, says := range test.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("error does not say %q: %v", says, err)
				}
			}
			if diff := cmp.Diff(test.want, got, cmpopts.IgnoreFields(SASL{}, "Token")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTokenFileIsReadForEveryConnection(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	t.Setenv("KAFKA_SASL_MECHANISM", "OAUTHBEARER")
	t.Setenv("KAFKA_SASL_TOKEN_FILE", file)
	cluster, err := FromEnv()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cluster.SASL.Token(context.Background()); err == nil {
		t.Error("a token without a file")
	}
	for _, token := range []string{"first", "second"} {
		if err := os.WriteFile(file, []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := cluster.SASL.Token(context.Background()); err != nil || got != token {
			t.Errorf("token is %q, %v, want %q", got, err, token)
		}
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	broker := []string{"kafka-1.example:9092"}
	local := []string{"localhost:9092", "127.0.0.1:9093", "[::1]:9094"}
	plain := SASL{Mechanism: Plain, Username: "ann", Password: NewSecret("canary")}
	allowed := plain
	allowed.AllowPlaintext = true
	scram := SASL{Mechanism: SCRAMSHA256, Username: "ann", Password: NewSecret("canary")}
	oauth := SASL{Mechanism: OAuthBearer, Token: func(context.Context) (string, error) { return "", nil }}
	for name, test := range map[string]struct {
		cluster Cluster
		says    string // empty means valid
	}{
		"zero value":                       {Cluster{}, "no broker address"},
		"plaintext":                        {Cluster{Brokers: broker}, ""},
		"port is no number":                {Cluster{Brokers: []string{"a:b"}}, `port "b"`},
		"port too large":                   {Cluster{Brokers: []string{"a:65536"}}, `port "65536"`},
		"password in an address":           {Cluster{Brokers: []string{"ann:canary@kafka-1:9092"}}, "user and password do not belong"},
		"password in a URL":                {Cluster{Brokers: []string{"SASL_SSL://ann:canary@kafka-1:9092"}}, "user and password do not belong"},
		"password before the host":         {Cluster{Brokers: []string{"canary@kafka-1:9092"}, SASL: &plain}, "user and password do not belong"},
		"a URL":                            {Cluster{Brokers: []string{"kafka://a:9092"}}, "want host:port"},
		"bare IPv6":                        {Cluster{Brokers: []string{"::1:9092"}}, "want host:port"},
		"certificate without key":          {Cluster{Brokers: broker, TLS: &TLS{CertFile: "c.pem"}}, "has no key"},
		"key without certificate":          {Cluster{Brokers: broker, TLS: &TLS{KeyFile: "c.key"}}, "has no certificate"},
		"CA that is not looked at":         {Cluster{Brokers: broker, TLS: &TLS{CAFile: "ca.pem", InsecureSkipVerify: true}}, "no effect"},
		"PLAIN to another machine":         {Cluster{Brokers: broker, SASL: &plain}, "AllowPlaintext"},
		"OAUTHBEARER to another machine":   {Cluster{Brokers: broker, SASL: &oauth}, "AllowPlaintext"},
		"PLAIN to another machine, wanted": {Cluster{Brokers: broker, SASL: &allowed}, ""},
		"PLAIN with TLS":                   {Cluster{Brokers: broker, SASL: &plain, TLS: &TLS{}}, ""},
		"PLAIN on loopback":                {Cluster{Brokers: local, SASL: &plain}, ""},
		"SCRAM to another machine":         {Cluster{Brokers: broker, SASL: &scram}, ""},
		"no user":                          {Cluster{Brokers: broker, SASL: &SASL{Mechanism: SCRAMSHA256, Password: NewSecret("canary")}}, "user name"},
		"no password":                      {Cluster{Brokers: broker, SASL: &SASL{Mechanism: SCRAMSHA512, Username: "ann"}}, "password"},
		"no token":                         {Cluster{Brokers: local, SASL: &SASL{Mechanism: OAuthBearer}}, "KAFKA_SASL_TOKEN_FILE"},
	} {
		err := test.cluster.Validate()
		switch {
		case test.says == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.says != "" && (err == nil || !strings.Contains(err.Error(), test.says)):
			t.Errorf("%s: error %v does not say %q", name, err, test.says)
		case err != nil && strings.Contains(err.Error(), "canary"):
			t.Errorf("%s: error shows the password: %v", name, err)
		}
	}
}
