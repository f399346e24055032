import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ConsumerGroupDescription;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.admin.RemoveMembersFromConsumerGroupOptions;
import org.apache.kafka.clients.admin.TopicDescription;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.GroupIdNotFoundException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Kafka's own Java clients as a small server for the tests: one JSON object a line in, {"id", "ok"} or {"id", "error"}
 * a line out (before it, of a long array, any number of {"id", "more"}), bytes in base64. Prints its port on standard output, and ends when its standard input ends.
 * The commands and their types are those of test/support/kafka-admin.ts.
 */
public final class KafkaAdmin {
  private static final ObjectMapper JSON = new ObjectMapper();
  private final String bootstrapServers;
  private final Admin admin;

  private KafkaAdmin(String bootstrapServers) {
    this.bootstrapServers = bootstrapServers;
    this.admin = Admin.create(Map.of("bootstrap.servers", bootstrapServers, "reconnect.backoff.max.ms", "200"));
  }

  public static void main(String[] args) throws IOException {
    KafkaAdmin kafka = new KafkaAdmin(args[0]);
    try (ServerSocket server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress())) {
      System.out.println(server.getLocalPort());
      daemon("clients", () -> {
        while (true) {
          Socket client = server.accept();
          daemon("client", () -> kafka.serve(client));
        }
      });
      while (System.in.read() >= 0) {}
    }
    Runtime.getRuntime().halt(0);
  }

  private interface Task {
    void run() throws IOException;
  }

  private static void daemon(String name, Task task) {
    Thread thread = new Thread(() -> {
      try {
        task.run();
      } catch (IOException gone) {
        // The other side closed.
      }
    }, name);
    thread.setDaemon(true);
    thread.start();
  }

  private void serve(Socket client) throws IOException {
    try (client) {
      InputStreamReader in = new InputStreamReader(client.getInputStream(), StandardCharsets.UTF_8);
      BufferedReader lines = new BufferedReader(in, 1 << 16);
      OutputStream out = client.getOutputStream();
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        JsonNode request = JSON.readTree(line);
        ObjectNode answer = JSON.createObjectNode();
        answer.set("id", request.get("id"));
        try {
          answer.set("ok", execute(request, part -> {
            ObjectNode more = JSON.createObjectNode();
            more.set("id", request.get("id"));
            more.set("more", part);
            write(out, more);
          }));
        } catch (Exception error) {
          Throwable cause = error instanceof ExecutionException ? error.getCause() : error;
          answer.put("error", cause.toString());
        }
        write(out, answer);
      }
    }
  }

  private static void write(OutputStream out, JsonNode line) throws IOException {
    out.write((JSON.writeValueAsString(line) + "\n").getBytes(StandardCharsets.UTF_8));
    out.flush();
  }

  /** Takes the first parts of an answer that would be too large for one line. */
  private interface Parts {
    void add(JsonNode part) throws IOException;
  }

  private JsonNode execute(JsonNode request, Parts parts) throws Exception {
    String command = request.get("command").asText();
    switch (command) {
      case "ready": return ready();
      case "createTopic": return createTopic(request);
      case "deleteTopic": return done(admin.deleteTopics(List.of(topic(request))).all());
      case "addPartitions": return addPartitions(request);
      case "alterTopic": return alterTopic(request);
      case "produce": return produce(request);
      case "offsets": return offsets(request);
      case "deleteRecords": return deleteRecords(request);
      case "consume": return consume(request, parts);
      case "committed": return committed(request);
      case "describeGroup": return describeGroup(request);
      case "removeMembers": return removeMembers(request);
      case "commit": return commit(request);
      default: throw new IllegalArgumentException("unknown command " + command);
    }
  }

  private static String topic(JsonNode request) {
    return request.get("topic").asText();
  }

  private static JsonNode done(Future<?> future) throws Exception {
    future.get();
    return JSON.nullNode();
  }

  private static Map<String, String> strings(JsonNode object) {
    Map<String, String> result = new HashMap<>();
    if (object != null) object.properties().forEach(entry -> result.put(entry.getKey(), entry.getValue().asText()));
    return result;
  }

  // ---- topics

  /** Answers once the broker is registered and takes requests. */
  private JsonNode ready() throws Exception {
    for (int attempt = 0; attempt < 600; attempt++) {
      try {
        if (!admin.describeCluster().nodes().get().isEmpty()) return JSON.nullNode();
      } catch (ExecutionException notYet) {
        // Starting.
      }
      Thread.sleep(50);
    }
    throw new IllegalStateException("no broker at " + bootstrapServers);
  }

  private JsonNode createTopic(JsonNode request) throws Exception {
    int partitions = request.get("partitions").asInt();
    NewTopic topic = new NewTopic(topic(request), partitions, (short) 1).configs(strings(request.get("config")));
    admin.createTopics(List.of(topic)).all().get();
    return awaitPartitions(topic(request), partitions);
  }

  private JsonNode addPartitions(JsonNode request) throws Exception {
    int total = request.get("total").asInt();
    admin.createPartitions(Map.of(topic(request), NewPartitions.increaseTo(total))).all().get();
    return awaitPartitions(topic(request), total);
  }

  /** The controller knows a topic before the broker does: waits until every partition has a leader that answers. */
  private JsonNode awaitPartitions(String topic, int partitions) throws Exception {
    for (int attempt = 0; attempt < 400; attempt++) {
      try {
        TopicDescription description = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic);
        long led = description.partitions().stream().filter(p -> p.leader() != null && !p.leader().isEmpty()).count();
        if (led == partitions) {
          // Told its leaders too early, Java's producer may keep a batch for good (4.1.1): offsets only leaders tell.
          latestOffsets(topic);
          return JSON.nullNode();
        }
      } catch (ExecutionException notYet) {
        // The topic is on its way.
      }
      Thread.sleep(25);
    }
    throw new IllegalStateException("partitions of " + topic + " have no leader");
  }

  private void latestOffsets(String topic) throws Exception {
    Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
    for (TopicPartition partition : partitions(topic)) wanted.put(partition, OffsetSpec.latest());
    admin.listOffsets(wanted).all().get();
  }

  private JsonNode alterTopic(JsonNode request) throws Exception {
    List<AlterConfigOp> changes = new ArrayList<>();
    strings(request.get("config")).forEach((name, value) ->
        changes.add(new AlterConfigOp(new ConfigEntry(name, value), AlterConfigOp.OpType.SET)));
    ConfigResource resource = new ConfigResource(ConfigResource.Type.TOPIC, topic(request));
    return done(admin.incrementalAlterConfigs(Map.of(resource, changes)).all());
  }

  private List<TopicPartition> partitions(String topic) throws Exception {
    List<TopicPartition> result = new ArrayList<>();
    admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions()
        .forEach(p -> result.add(new TopicPartition(topic, p.partition())));
    return result;
  }

  // ---- records

  private static byte[] bytes(JsonNode node) {
    return node == null || node.isNull() ? null : Base64.getDecoder().decode(node.asText());
  }

  private static JsonNode base64(byte[] bytes) {
    return bytes == null ? JSON.nullNode() : JSON.getNodeFactory().textNode(Base64.getEncoder().encodeToString(bytes));
  }

  /** With a `transactionalId` in one transaction, that ends by `end`: commit, abort, or open (left to time out). */
  private JsonNode produce(JsonNode request) throws Exception {
    Map<String, Object> config = new HashMap<>(strings(request.get("config")));
    config.put("bootstrap.servers", bootstrapServers);
    // A record that is not taken is an error before a test has lost its patience.
    config.putIfAbsent("request.timeout.ms", "10000");
    config.putIfAbsent("delivery.timeout.ms", "30000");
    boolean transaction = request.hasNonNull("transactionalId");
    if (transaction) config.put("transactional.id", request.get("transactionalId").asText());
    String end = request.hasNonNull("end") ? request.get("end").asText() : "commit";
    ArrayNode answer = JSON.createArrayNode();
    KafkaProducer<byte[], byte[]> producer =
        new KafkaProducer<>(config, new ByteArraySerializer(), new ByteArraySerializer());
    try {
      if (transaction) {
        producer.initTransactions();
        producer.beginTransaction();
      }
      List<Future<RecordMetadata>> sent = new ArrayList<>();
      for (JsonNode record : request.get("records")) sent.add(producer.send(record(topic(request), record)));
      producer.flush();
      for (Future<RecordMetadata> one : sent) {
        RecordMetadata place = one.get();
        answer.addObject().put("partition", place.partition()).put("offset", place.offset());
      }
      if (transaction && end.equals("commit")) producer.commitTransaction();
      if (transaction && end.equals("abort")) producer.abortTransaction();
      if (transaction && !end.equals("open")) awaitMarkers(request.get("transactionalId").asText());
    } finally {
      producer.close(Duration.ofSeconds(transaction && end.equals("open") ? 0 : 10));
    }
    return answer;
  }

  /** A commit or an abort is answered before its markers stand in the partitions. */
  private void awaitMarkers(String transactionalId) throws Exception {
    for (int attempt = 0; attempt < 400; attempt++) {
      switch (admin.describeTransactions(List.of(transactionalId)).all().get().get(transactionalId).state()) {
        case COMPLETE_COMMIT, COMPLETE_ABORT, EMPTY -> { return; }
        default -> Thread.sleep(10);
      }
    }
    throw new IllegalStateException("the transaction " + transactionalId + " has no markers");
  }

  private static ProducerRecord<byte[], byte[]> record(String topic, JsonNode record) {
    Integer partition = record.hasNonNull("partition") ? record.get("partition").asInt() : null;
    Long timestamp = record.hasNonNull("timestamp") ? record.get("timestamp").asLong() : null;
    ProducerRecord<byte[], byte[]> result =
        new ProducerRecord<>(topic, partition, timestamp, bytes(record.get("key")), bytes(record.get("value")));
    if (record.hasNonNull("headers")) {
      for (JsonNode header : record.get("headers")) result.headers().add(header.get(0).asText(), bytes(header.get(1)));
    }
    return result;
  }

  /** Every record from the beginning to the end offsets of now, partition by partition. */
  private JsonNode consume(JsonNode request, Parts parts) throws Exception {
    Map<String, Object> config = new HashMap<>(strings(request.get("config")));
    config.put("bootstrap.servers", bootstrapServers);
    config.put("enable.auto.commit", "false");
    // The next partition waits for the fetch that waits at the end of the last one.
    config.put("fetch.max.wait.ms", "10");
    ArrayNode answer = JSON.createArrayNode();
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(config, new ByteArrayDeserializer(), new ByteArrayDeserializer())) {
      for (TopicPartition partition : partitions(topic(request))) {
        consumer.assign(List.of(partition));
        consumer.seekToBeginning(List.of(partition));
        long end = consumer.endOffsets(List.of(partition)).get(partition);
        while (consumer.position(partition) < end) {
          for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofMillis(200))) {
            if (record.offset() < end) answer.add(toJson(record));
          }
          if (answer.size() >= 20_000) {
            parts.add(answer);
            answer = JSON.createArrayNode();
          }
        }
      }
    }
    return answer;
  }

  private static ObjectNode toJson(ConsumerRecord<byte[], byte[]> record) {
    ObjectNode result = JSON.createObjectNode();
    result.put("partition", record.partition()).put("offset", record.offset()).put("timestamp", record.timestamp());
    result.set("key", base64(record.key()));
    result.set("value", base64(record.value()));
    ArrayNode headers = result.putArray("headers");
    for (Header header : record.headers()) headers.addArray().add(header.key()).add(base64(header.value()));
    return result;
  }

  /** Of every partition, in order: `at` is earliest, latest or milliseconds; -1 where no record is that late. */
  private JsonNode offsets(JsonNode request) throws Exception {
    JsonNode at = request.get("at");
    OffsetSpec spec = at.isNumber() ? OffsetSpec.forTimestamp(at.asLong())
        : at.asText().equals("earliest") ? OffsetSpec.earliest() : OffsetSpec.latest();
    Map<TopicPartition, OffsetSpec> wanted = new HashMap<>();
    List<TopicPartition> partitions = partitions(topic(request));
    for (TopicPartition partition : partitions) wanted.put(partition, spec);
    var found = admin.listOffsets(wanted).all().get();
    ArrayNode answer = JSON.createArrayNode();
    for (TopicPartition partition : partitions) answer.add(found.get(partition).offset());
    return answer;
  }

  private JsonNode deleteRecords(JsonNode request) throws Exception {
    TopicPartition partition = new TopicPartition(topic(request), request.get("partition").asInt());
    RecordsToDelete before = RecordsToDelete.beforeOffset(request.get("before").asLong());
    return done(admin.deleteRecords(Map.of(partition, before)).all());
  }

  // ---- groups

  private JsonNode committed(JsonNode request) throws Exception {
    String group = request.get("group").asText();
    ArrayNode answer = JSON.createArrayNode();
    admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get().forEach((partition, offset) -> {
      if (offset == null) return;
      answer.addObject().put("topic", partition.topic()).put("partition", partition.partition())
          .put("offset", offset.offset()).put("metadata", offset.metadata());
    });
    return answer;
  }

  private JsonNode commit(JsonNode request) throws Exception {
    TopicPartition partition = new TopicPartition(topic(request), request.get("partition").asInt());
    OffsetAndMetadata offset = new OffsetAndMetadata(request.get("offset").asLong());
    return done(admin.alterConsumerGroupOffsets(request.get("group").asText(), Map.of(partition, offset)).all());
  }

  private JsonNode removeMembers(JsonNode request) throws Exception {
    String group = request.get("group").asText();
    return done(admin.removeMembersFromConsumerGroup(group, new RemoveMembersFromConsumerGroupOptions()).all());
  }

  private JsonNode describeGroup(JsonNode request) throws Exception {
    String group = request.get("group").asText();
    ObjectNode answer = JSON.createObjectNode();
    ConsumerGroupDescription found;
    try {
      found = admin.describeConsumerGroups(List.of(group)).all().get().get(group);
    } catch (ExecutionException error) {
      // Without a member and a committed offset there is no such group: one with nobody in it.
      if (!(error.getCause() instanceof GroupIdNotFoundException)) throw error;
      answer.put("state", "Dead").put("type", "").put("assignor", "").putArray("members");
      return answer;
    }
    answer.put("state", found.groupState().toString()).put("type", found.type().toString());
    answer.put("assignor", found.partitionAssignor());
    ArrayNode members = answer.putArray("members");
    found.members().forEach(member -> {
      ObjectNode one = members.addObject().put("id", member.consumerId()).put("clientId", member.clientId());
      ArrayNode partitions = one.putArray("partitions");
      member.assignment().topicPartitions().forEach(partition ->
          partitions.addObject().put("topic", partition.topic()).put("partition", partition.partition()));
    });
    return answer;
  }
}
