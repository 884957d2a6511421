import java.util.Map;
import java.util.Properties;

/**
 * The Java client that the system tests compare with. Each command talks JSON lines on standard input and output.
 *
 * <pre>
 * read BOOTSTRAP TOPIC read_committed|read_uncommitted   every record up to the end of the topic
 * digest BOOTSTRAP TOPIC                                  partition, records and SHA-256 of each partition
 * write BOOTSTRAP TOPIC CODEC [TRANSACTIONAL_ID]          records, and {"do": begin|commit|abort|flush} between them
 * partition COUNT                                         the partition of each hex key
 * </pre>
 */
public final class Client {
    public static void main(String[] args) throws Exception {
        switch (args[0]) {
            case "read" -> Read.print(args[1], args[2], args[3]);
            case "digest" -> Digest.print(args[1], args[2]);
            case "write" -> Write.run(args[1], args[2], args[3], args.length > 4 ? args[4] : null);
            case "partition" -> Partition.print(Integer.parseInt(args[1]));
            default -> throw new IllegalArgumentException("unknown command " + args[0]);
        }
    }

    static Properties properties(Map<String, String> settings) {
        Properties properties = new Properties();
        properties.putAll(settings);
        return properties;
    }
}
