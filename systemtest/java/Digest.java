import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.TreeMap;
import org.apache.kafka.clients.consumer.ConsumerRecord;

/** Fingerprints each partition, in the layout of the Go package record. */
final class Digest {
    private final MessageDigest sha256;
    private long records;

    private Digest() {
        try {
            sha256 = MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    static void print(String bootstrap, String topic) {
        var digests = new TreeMap<Integer, Digest>();
        Topic.forEach(bootstrap, topic, "read_uncommitted",
            record -> digests.computeIfAbsent(record.partition(), p -> new Digest()).add(record));
        try (var out = Lines.out()) {
            digests.forEach((partition, digest) -> out.println(Lines.JSON.createObjectNode()
                .put("partition", partition)
                .put("records", digest.records)
                .put("sha256", Lines.hex(digest.sha256.digest()))));
        }
    }

    private void add(ConsumerRecord<byte[], byte[]> record) {
        records++;
        sha256.update(ByteBuffer.allocate(16).putLong(record.offset()).putLong(record.timestamp()).flip());
        add(record.key());
        add(record.value());
        var headers = record.headers().toArray();
        addInt(headers.length);
        for (var header : headers) {
            add(header.key().getBytes(StandardCharsets.UTF_8));
            add(header.value());
        }
    }

    private void add(byte[] bytes) {
        addInt(bytes == null ? -1 : bytes.length);
        if (bytes != null) {
            sha256.update(bytes);
        }
    }

    private void addInt(int value) {
        sha256.update(ByteBuffer.allocate(4).putInt(value).flip());
    }
}
