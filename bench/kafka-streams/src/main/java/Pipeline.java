import com.fasterxml.jackson.databind.ObjectMapper;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.clients.producer.ProducerInterceptor;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsBuilder;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.kstream.Consumed;
import org.apache.kafka.streams.kstream.Produced;

/**
 * Rows with an amount over 1,000 to another topic, by Kafka Streams: two threads, large fetches, the values parsed by
 * Jackson, those that pass written as the bytes that they were. Idempotent, acks from all.
 *
 * <p>Arguments: bootstrap servers, input, output, rows that will pass, folder for its state. Prints one line of JSON
 * when the last row is acknowledged; its clock is that of window.ts.
 */
public final class Pipeline {
  private static final LongAdder read = new LongAdder();
  private static final AtomicLong acknowledged = new AtomicLong();
  private static final CountDownLatch done = new CountDownLatch(1);
  private static final AtomicLong began = new AtomicLong();
  private static volatile long cpuBefore;
  private static volatile long ended;
  private static volatile long cpuAfter;
  private static long passing;

  private static long cpuNanoseconds() {
    return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean()).getProcessCpuTime();
  }

  /** Hears of every acknowledgement. */
  public static final class Acknowledged implements ProducerInterceptor<byte[], byte[]> {
    @Override
    public ProducerRecord<byte[], byte[]> onSend(ProducerRecord<byte[], byte[]> producerRecord) {
      return producerRecord;
    }

    @Override
    public void onAcknowledgement(RecordMetadata metadata, Exception error) {
      if (error != null || acknowledged.incrementAndGet() != passing) return;
      ended = System.nanoTime();
      cpuAfter = cpuNanoseconds();
      done.countDown();
    }

    @Override
    public void close() {}

    @Override
    public void configure(Map<String, ?> settings) {}
  }

  private static boolean passes(ObjectMapper mapper, byte[] value) {
    if (began.get() == 0 && began.compareAndSet(0, System.nanoTime())) cpuBefore = cpuNanoseconds();
    read.increment();
    try {
      return mapper.readTree(value).get("amount").asDouble() > 1000;
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
  }

  private static long peakBytes() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.exists(status)) return 0;
    for (String line : Files.readAllLines(status)) {
      if (line.startsWith("VmHWM:")) return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
    }
    return 0;
  }

  public static void main(String[] args) throws Exception {
    passing = Long.parseLong(args[3]);
    Properties settings = new Properties();
    settings.put(StreamsConfig.APPLICATION_ID_CONFIG, "bench-" + args[2]);
    settings.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, args[0]);
    settings.put(StreamsConfig.STATE_DIR_CONFIG, args[4]);
    settings.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 2);
    settings.put("auto.offset.reset", "earliest");
    settings.put(StreamsConfig.consumerPrefix("fetch.max.bytes"), 64 << 20);
    settings.put(StreamsConfig.consumerPrefix("max.partition.fetch.bytes"), 8 << 20);
    settings.put(StreamsConfig.consumerPrefix("max.poll.records"), 10_000);
    settings.put(StreamsConfig.BUFFERED_RECORDS_PER_PARTITION_CONFIG, 100_000);
    settings.put(StreamsConfig.producerPrefix("linger.ms"), 50);
    settings.put(StreamsConfig.producerPrefix("batch.size"), 1_000_000);
    settings.put(StreamsConfig.producerPrefix("buffer.memory"), 64L << 20);
    settings.put(StreamsConfig.producerPrefix("acks"), "all");
    settings.put(StreamsConfig.producerPrefix("enable.idempotence"), true);
    settings.put(StreamsConfig.producerPrefix("interceptor.classes"), Acknowledged.class.getName());

    ObjectMapper mapper = new ObjectMapper();
    StreamsBuilder builder = new StreamsBuilder();
    builder
        .stream(args[1], Consumed.with(Serdes.ByteArray(), Serdes.ByteArray()))
        .filter((key, value) -> passes(mapper, value))
        .to(args[2], Produced.with(Serdes.ByteArray(), Serdes.ByteArray()));
    KafkaStreams streams = new KafkaStreams(builder.build(), settings);
    streams.setUncaughtExceptionHandler(
        error -> {
          error.printStackTrace();
          System.exit(1);
          return null;
        });
    streams.start();
    done.await();
    streams.close();
    System.out.printf(
        java.util.Locale.ROOT,
        "{\"rows\":%d,\"seconds\":%.6f,\"cpuSeconds\":%.6f,\"processCpuSeconds\":%.6f,\"peakBytes\":%d}%n",
        read.sum(),
        (ended - began.get()) / 1e9,
        (cpuAfter - cpuBefore) / 1e9,
        cpuNanoseconds() / 1e9,
        peakBytes());
  }
}
