package project

import (
	"bytes"
	"errors"
	"strconv"

	"go.yaml.in/yaml/v3"
)

// Note is a comment on a rendered topic.
type Note struct {
	Topic string
	Text  string
}

// Render writes a file with the topics, such that reading it gives the same topics. header is a comment at its top.
func Render(header string, topics []Topic, notes ...Note) ([]byte, error) {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for _, t := range topics {
		list.Content = append(list.Content, topicNode(t, notes))
	}
	root := &yaml.Node{Kind: yaml.MappingNode, HeadComment: header, Content: []*yaml.Node{word("topics"), list}}
	return encode(root)
}

var errNotAFile = errors.New("it is not a file of this form: its top is no mapping")

// AddTopics returns the text of a file with more topics at the end of its list. Comments and what is there stay; blank lines and
// indentation become those of the YAML encoder.
func AddTopics(text []byte, topics []Topic, notes ...Note) ([]byte, error) {
	var document yaml.Node
	if err := yaml.Unmarshal(text, &document); err != nil {
		return nil, err
	}
	if len(document.Content) == 0 {
		return Render("", topics, notes...)
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, errNotAFile
	}
	list := child(root, "topics")
	if list == nil {
		list = &yaml.Node{Kind: yaml.SequenceNode}
		root.Content = append(root.Content, word("topics"), list)
	}
	if list.Kind != yaml.SequenceNode {
		return nil, errNotAFile
	}
	if len(list.Content) == 0 {
		list.Style = 0
	}
	for _, t := range topics {
		list.Content = append(list.Content, topicNode(t, notes))
	}
	return encode(&document)
}

func encode(n *yaml.Node) ([]byte, error) {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(n); err != nil {
		return nil, err
	}
	return text.Bytes(), encoder.Close()
}

func topicNode(t Topic, notes []Note) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	add := func(name string, value *yaml.Node) { n.Content = append(n.Content, word(name), value) }
	add("name", word(t.Name))
	if t.Partitions > 0 {
		add("partitions", numeral(t.Partitions))
	}
	if t.Replication > 0 {
		add("replication", numeral(t.Replication))
	}
	if len(t.Config) > 0 {
		config := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
		for _, s := range t.Config {
			name, value := ShortSetting(s.Name, s.Value)
			config.Content = append(config.Content, word(name), scalar(value))
		}
		add("config", config)
	}
	if len(t.Events) > 0 {
		events := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, e := range t.Events {
			events.Content = append(events.Content, word(e.Name))
		}
		add("events", events)
	}
	if t.Compatibility != "" {
		add("compatibility", word(t.Compatibility))
	}
	if t.Unkeyed {
		add("keyed", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: "false"})
	}
	for _, note := range notes {
		if note.Topic == t.Name {
			n.HeadComment += "# " + note.Text + "\n"
		}
	}
	return n
}

// word is a string, which the encoder quotes where it could be read as something else.
func word(text string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(text)
	return n
}

// scalar is a value of a setting, as a number or a truth value where it reads as one.
func scalar(text string) *yaml.Node {
	if _, err := strconv.ParseInt(text, 10, 64); err == nil && (text == "0" || text[0] != '0' && text[0] != '+') {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: text}
	}
	if text == "true" || text == "false" {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!bool", Value: text}
	}
	return word(text)
}

func numeral(n int) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!int", Value: strconv.Itoa(n)}
}
