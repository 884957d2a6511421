import java.util.HexFormat;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;

/** Prints the partition that Java's producer chooses for each key. */
final class Partition {
    static void print(int count) throws Exception {
        try (var in = Lines.in(); var out = Lines.out()) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                out.println(BuiltInPartitioner.partitionForKey(HexFormat.of().parseHex(line), count));
            }
        }
    }
}
