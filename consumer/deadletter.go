package consumer

// DeadLetterTopic is the topic a group's dead letters of a topic go to: <topic>.<group>.dead.
func DeadLetterTopic(topic, group string) string { return topic + "." + group + ".dead" }
