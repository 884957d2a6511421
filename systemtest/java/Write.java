import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Future;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/** Writes the records of standard input, in transactions when it has a transactional id. */
final class Write {
    static void run(String bootstrap, String topic, String codec, String transactionalId) throws Exception {
        var settings = new HashMap<>(Map.of(
            "bootstrap.servers", bootstrap,
            "acks", "all",
            "linger.ms", "50",
            "compression.type", codec));
        if (transactionalId != null) {
            settings.put("transactional.id", transactionalId);
        }
        var sent = new ArrayList<Future<RecordMetadata>>();
        try (var producer = new KafkaProducer<>(Client.properties(settings), new ByteArraySerializer(), new ByteArraySerializer());
             var in = Lines.in()) {
            if (transactionalId != null) {
                producer.initTransactions();
            }
            for (String text = in.readLine(); text != null; text = in.readLine()) {
                JsonNode line = Lines.JSON.readTree(text);
                switch (line.path("do").asText("send")) {
                    case "send" -> sent.add(producer.send(record(topic, line)));
                    case "flush" -> producer.flush();
                    case "begin" -> producer.beginTransaction();
                    case "commit" -> producer.commitTransaction();
                    case "abort" -> {
                        // What is still in the buffer would be dropped before it reaches the log.
                        producer.flush();
                        producer.abortTransaction();
                    }
                    default -> throw new IllegalArgumentException(text);
                }
            }
            producer.flush();
        }
        for (var result : sent) {
            result.get();
        }
    }

    private static ProducerRecord<byte[], byte[]> record(String topic, JsonNode line) {
        var headers = new ArrayList<Header>();
        line.path("headers").forEach(h -> headers.add(new RecordHeader(h.get("key").asText(), Lines.bytes(h.get("value")))));
        int partition = line.path("partition").asInt(-1);
        long timestamp = line.path("timestamp").asLong(0);
        return new ProducerRecord<>(topic, partition < 0 ? null : partition, timestamp == 0 ? null : timestamp,
            Lines.bytes(line.get("key")), Lines.bytes(line.get("value")), headers);
    }
}
