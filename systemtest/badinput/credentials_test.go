package badinput

import (
	"context"
	"testing"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/schema"
	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/headrace/headrace/systemtest/internal/admin"
)

// credentials are right once in every way, so that the wrong ones are known to fail for their wrongness.
func credentials(t *testing.T, env *environment) {
	const topic = "credentials"
	admin.CreateTopic(t, env.cluster, topic, 1, nil)
	allow(t, env, kadm.NewACLs().Topics(topic).ResourcePatternType(kadm.ACLPatternLiteral).
		Allow("User:alice").AllowHosts("*").Operations(kadm.OpWrite, kadm.OpRead, kadm.OpDescribe))
	register(t, env, schema.TopicName(topic))
	trusted := &headrace.TLS{CAFile: env.authority.File}
	login := func(mechanism headrace.Mechanism, secret string) *headrace.SASL {
		return &headrace.SASL{Mechanism: mechanism, Username: "alice", Password: headrace.NewSecret(secret)}
	}
	tests := map[string]struct {
		cluster headrace.Cluster
		want    []string // words of the error; none when it must work
	}{
		"tls":                     {cluster: env.on("TLS", trusted, nil)},
		"plain over tls":          {cluster: env.on("SASLTLS", trusted, login(headrace.Plain, password))},
		"scram-sha-256":           {cluster: env.on("SASL", nil, login(headrace.SCRAMSHA256, password))},
		"scram-sha-512 over tls":  {cluster: env.on("SASLTLS", trusted, login(headrace.SCRAMSHA512, password))},
		"plain, wrong password":   {cluster: env.on("SASLTLS", trusted, login(headrace.Plain, password+"x")), want: []string{"authenticat"}},
		"scram, wrong password":   {cluster: env.on("SASL", nil, login(headrace.SCRAMSHA512, password+"x")), want: []string{"authenticat"}},
		"mechanism not offered":   {cluster: env.on("SASLTLS", trusted, &headrace.SASL{Mechanism: headrace.OAuthBearer, Token: func(context.Context) (string, error) { return "token", nil }}), want: []string{"oauthbearer"}},
		"no credentials":          {cluster: env.on("SASL", nil, nil), want: []string{"sasl"}},
		"another authority":       {cluster: env.on("TLS", &headrace.TLS{CAFile: env.stranger.File}, nil), want: []string{"certificate"}},
		"expired certificate":     {cluster: env.on("EXPIRED", trusted, nil), want: []string{"expired"}},
		"certificate for another": {cluster: env.on("TLS", &headrace.TLS{CAFile: env.authority.File, ServerName: "kafka.example"}, nil), want: []string{"kafka.example"}},
		"plaintext to tls":        {cluster: env.on("TLS", nil, nil), want: []string{"tls"}},
		"tls to plaintext":        {cluster: env.on("CLIENT", trusted, nil), want: []string{"tls"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := answered(t, func(ctx context.Context) error { return send(ctx, t, test.cluster, env.registry, topic) })
			if test.want == nil {
				if err != nil {
					t.Errorf("right credentials: %v", err)
				}
				return
			}
			says(t, err, test.want...)
			certainlyNotWritten(t, err)
		})
	}
}

// rights are those of users that may do less than they need.
func rights(t *testing.T, env *environment) {
	const topic, group = "rights", "no-rights"
	admin.CreateTopic(t, env.cluster, topic, 1, nil)
	allow(t, env, kadm.NewACLs().Topics(topic).ResourcePatternType(kadm.ACLPatternLiteral).
		Allow("User:bob").AllowHosts("*").Operations(kadm.OpRead, kadm.OpDescribe))
	bob := env.on("SASL", nil, &headrace.SASL{Mechanism: headrace.SCRAMSHA256, Username: "bob", Password: headrace.NewSecret(password)})

	t.Run("write", func(t *testing.T) {
		err := answered(t, func(ctx context.Context) error { return send(ctx, t, bob, env.registry, topic) })
		says(t, err, topic, "authoriz")
		certainlyNotWritten(t, err)
	})
	t.Run("group", func(t *testing.T) {
		err := answered(t, func(ctx context.Context) error { return work(ctx, bob, env.registry, group, topic) })
		says(t, err, group, "authoriz")
	})
	t.Run("read", func(t *testing.T) {
		records := 0
		err := answered(t, func(ctx context.Context) (err error) {
			records, err = read(ctx, bob, topic)
			return err
		})
		if err != nil || records != 0 {
			t.Errorf("read with the right to read: %d records, %v", records, err)
		}
	})
}

func allow(t *testing.T, env *environment, acls *kadm.ACLBuilder) {
	t.Helper()
	results, err := env.cluster.Admin.CreateACLs(t.Context(), acls)
	if err != nil {
		t.Fatalf("create acls: %v", err)
	}
	for _, result := range results {
		if result.Err != nil {
			t.Fatalf("create acl %+v: %v", result, result.Err)
		}
	}
}
