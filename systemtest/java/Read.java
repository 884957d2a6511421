import com.fasterxml.jackson.databind.node.ObjectNode;

/** Prints every record of a topic. */
final class Read {
    static void print(String bootstrap, String topic, String isolation) {
        try (var out = Lines.out()) {
            Topic.forEach(bootstrap, topic, isolation, record -> {
                ObjectNode line = Lines.JSON.createObjectNode()
                    .put("partition", record.partition())
                    .put("offset", record.offset())
                    .put("timestamp", record.timestamp())
                    .put("key", Lines.hex(record.key()))
                    .put("value", Lines.hex(record.value()));
                var headers = line.putArray("headers");
                record.headers().forEach(h -> headers.addObject().put("key", h.key()).put("value", Lines.hex(h.value())));
                out.println(line);
            });
        }
    }
}
