package project

import (
	"fmt"
	"strings"
	"unicode"
)

// maxTopicName is as long as a name can be: it is a folder on the broker's disk, with the partition's number behind it.
const maxTopicName = 249

// CheckTopicName returns why Kafka does not take name for a topic's (org.apache.kafka.common.internals.Topic), or nil.
func CheckTopicName(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("topic name %q: it is empty", name)
	case name == "." || name == "..":
		return fmt.Errorf("topic name %q: a single or double dot means a folder", name)
	case len(name) > maxTopicName:
		return fmt.Errorf("topic name %q: it has %d bytes, more than %d", name, len(name), maxTopicName)
	}
	wrong := func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("._-", r)
	}
	if strings.ContainsFunc(name, wrong) {
		return fmt.Errorf("topic name %q: 1 to %d letters, digits, dots, dashes and underscores are allowed", name, maxTopicName)
	}
	return nil
}
