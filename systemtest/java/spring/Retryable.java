import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.springframework.context.annotation.AnnotationConfigApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.kafka.annotation.EnableKafka;
import org.springframework.kafka.annotation.EnableKafkaRetryTopic;
import org.springframework.kafka.annotation.KafkaListener;
import org.springframework.kafka.annotation.RetryableTopic;
import org.springframework.kafka.config.ConcurrentKafkaListenerContainerFactory;
import org.springframework.kafka.core.DefaultKafkaConsumerFactory;
import org.springframework.kafka.core.DefaultKafkaProducerFactory;
import org.springframework.kafka.core.KafkaTemplate;
import org.springframework.kafka.listener.DeadLetterPublishingRecoverer;
import org.springframework.kafka.listener.DefaultErrorHandler;
import org.springframework.retry.annotation.Backoff;
import org.springframework.scheduling.TaskScheduler;
import org.springframework.scheduling.concurrent.ThreadPoolTaskScheduler;
import org.springframework.util.backoff.FixedBackOff;

/**
 * A Spring Kafka program whose listeners fail: one with @RetryableTopic, one with a DeadLetterPublishingRecoverer. It takes the
 * brokers, says "ready" on standard output, and ends with its standard input.
 */
@Configuration
@EnableKafka
@EnableKafkaRetryTopic
public class Retryable {
  static String brokers;

  public static void main(String[] args) throws Exception {
    brokers = args[0];
    try (AnnotationConfigApplicationContext context = new AnnotationConfigApplicationContext(Retryable.class)) {
      System.out.println("ready");
      while (System.in.read() >= 0) {}
    }
  }

  @RetryableTopic(attempts = "3", backoff = @Backoff(delay = 100), autoCreateTopics = "true", numPartitions = "2")
  @KafkaListener(topics = "spring-retried", groupId = "spring-mail")
  public void retried(byte[] value) {
    throw new IllegalStateException("no such address");
  }

  @KafkaListener(topics = "spring-recovered", groupId = "spring-bills", containerFactory = "recovering")
  public void recovered(byte[] value) {
    throw new IllegalArgumentException("no such customer");
  }

  @Bean
  KafkaTemplate<byte[], byte[]> defaultRetryTopicKafkaTemplate() {
    Map<String, Object> config = new HashMap<>();
    config.put(ProducerConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    return new KafkaTemplate<>(new DefaultKafkaProducerFactory<>(config, new ByteArraySerializer(), new ByteArraySerializer()));
  }

  private static ConcurrentKafkaListenerContainerFactory<byte[], byte[]> factory() {
    Map<String, Object> config = new HashMap<>();
    config.put(ConsumerConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    config.put(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG, "earliest");
    ConcurrentKafkaListenerContainerFactory<byte[], byte[]> factory = new ConcurrentKafkaListenerContainerFactory<>();
    factory.setConsumerFactory(new DefaultKafkaConsumerFactory<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer()));
    return factory;
  }

  @Bean
  ConcurrentKafkaListenerContainerFactory<byte[], byte[]> kafkaListenerContainerFactory() {
    return factory();
  }

  @Bean
  ConcurrentKafkaListenerContainerFactory<byte[], byte[]> recovering(KafkaTemplate<byte[], byte[]> template) {
    ConcurrentKafkaListenerContainerFactory<byte[], byte[]> factory = factory();
    factory.setCommonErrorHandler(new DefaultErrorHandler(new DeadLetterPublishingRecoverer(template), new FixedBackOff(50, 1)));
    return factory;
  }

  @Bean
  TaskScheduler taskScheduler() {
    return new ThreadPoolTaskScheduler();
  }

  @Bean
  org.springframework.kafka.core.KafkaAdmin admin() {
    Map<String, Object> config = new HashMap<>();
    config.put(org.apache.kafka.clients.admin.AdminClientConfig.BOOTSTRAP_SERVERS_CONFIG, brokers);
    return new org.springframework.kafka.core.KafkaAdmin(config);
  }
}
