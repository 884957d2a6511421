package deadletter

// foreignHeaders are the headers that other programs write to dead letters, by their whole names: one that only begins alike is the event's own,
// and goes back with it.
var foreignHeaders = func() map[string]Family {
	of := map[string]Family{}
	add := func(family Family, prefix string, names ...string) {
		for _, name := range names {
			of[prefix+name] = family
		}
	}
	add(FamilyConnect, connectPrefix, "topic", "partition", "offset", "connector.name", "task.id", "stage", "class.name",
		"exception.class.name", "exception.message", "exception.stacktrace")
	add(FamilyStreams, streamsPrefix, "exception", "message", "stacktrace", "topic", "partition", "offset")
	// org.springframework.kafka.support.KafkaHeaders; retrytopic.RetryTopicHeaders; support.serializer.SerializationUtils.
	for _, prefix := range []string{springPrefix, springRetryPrefix} {
		add(FamilySpring, prefix, "original-topic", "original-partition", "original-offset", "original-timestamp", "original-timestamp-type",
			"original-consumer-group", "exception-fqcn", "exception-cause-fqcn", "exception-message", "exception-stacktrace",
			"key-exception-fqcn", "key-exception-message", "key-exception-stacktrace")
	}
	add(FamilySpring, "retry_topic-", "attempts", "backoff-timestamp", "original-timestamp")
	add(FamilySpring, "springDeserializerException", "Key", "Value")
	return of
}()
