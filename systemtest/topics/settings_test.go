package topics

import (
	"strings"
	"testing"

	"github.com/headrace/headrace"
	"github.com/headrace/headrace/topics"

	"github.com/headrace/headrace/systemtest/internal/admin"
	"github.com/headrace/headrace/systemtest/internal/kraft"
	"github.com/headrace/headrace/systemtest/internal/stack"
)

// A topic with every setting that its broker has, and some of them changed, is exported to a file from which a plan has nothing to do.
func TestEverySettingIsExportedAndPlanned(t *testing.T) {
	for _, version := range stack.Versions(kraft.Oldest, kraft.Current, kraft.Newest) {
		t.Run(version, func(t *testing.T) {
			cluster := kraft.Start(t, kraft.Config{Version: version})
			env := &environment{cluster: cluster, conn: topics.Connection{Cluster: headrace.Cluster{Brokers: cluster.Internal()}}}
			admin.CreateTopic(t, cluster, "plain", 1, nil)
			described, err := cluster.Admin.DescribeTopicConfigs(t.Context(), "plain")
			if err != nil {
				t.Fatal(err)
			}
			all := map[string]string{}
			for _, c := range described[0].Configs {
				all[c.Key] = c.MaybeValue()
			}
			for name, value := range map[string]string{
				"remote.log.copy.disable": "true", "message.timestamp.difference.max.ms": "3600000", "message.timestamp.before.max.ms": "3600000",
				"min.cleanable.dirty.ratio": "0.0001", "retention.ms": "9223372036854775807", "cleanup.policy": "compact,delete",
				"errors.deadletterqueue.group.enable": "true",
			} {
				if _, known := all[name]; known {
					all[name] = value
				}
			}
			if _, known := all["message.timestamp.difference.max.ms"]; known != (version == kraft.Oldest) {
				t.Errorf("message.timestamp.difference.max.ms is known: %v", known)
			}
			if all["remote.log.copy.disable"] != "true" {
				t.Error("remote.log.copy.disable is not known")
			}
			admin.CreateTopic(t, cluster, "full", 1, all)

			f := env.file(t)
			exported, err := topics.Export(t.Context(), env.conn)
			if err != nil {
				t.Fatal(err)
			}
			text, err := exported.File()
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(text), "remote.log.copy.disable"); n != 1 {
				t.Errorf("exported:\n%s", text)
			}
			if plan := f.plan(string(text), topics.Options{}); !plan.Empty() {
				wantText(t, plan, "Plan: 0 to create, 0 to change, 0 to delete")
			}
			// A file of one's own may have them as well.
			const own = "topics: [{name: own, partitions: 1, config: {remote.log.copy.disable: true, remote.log.delete.on.disable: false}}]\n"
			f.apply(own, topics.Options{}, topics.ApplyOptions{})
			f.empty(own)
		})
	}
}
