package schema

// TopicName is the subject of a topic's values when the topic carries one event type: "<topic>-value", the default subject name
// strategy of Confluent's serializers (TopicNameStrategy).
func TopicName(topic string) string { return topic + "-value" }

// TopicRecordName is the subject of one event type on a topic that carries several: "<topic>-<full name>", Confluent's
// TopicRecordNameStrategy. fullName is [Schema.FullName].
func TopicRecordName(topic, fullName string) string { return topic + "-" + fullName }

// RecordName is the subject of a type wherever it is used: its full name, Confluent's RecordNameStrategy. Headrace registers
// schemas that others refer to under it.
func RecordName(fullName string) string { return fullName }
