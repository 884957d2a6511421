package project

import "testing"

// TestSettingsThatKafkaHasAreKnown: a name that is not known here and looks like one that is would be taken for a slip.
func TestSettingsThatKafkaHasAreKnown(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"remote.log.copy.disable", "remote.log.delete.on.disable", "message.timestamp.difference.max.ms"} {
		if _, ok := findSetting(name); !ok {
			t.Errorf("%s is not known", name)
		}
	}
	if _, ok := findSetting("remote.copy.disable"); ok {
		t.Error("remote.copy.disable is known, which Kafka does not have")
	}
}
