// A source on the embedded broker, and a plain librdkafka producer that writes what it reads.
#pragma once

#include <gtest/gtest.h>
#include <rdkafka.h>

#include <chrono>
#include <condition_variable>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker.h"
#include "client_fixture.h"
#include "source.h"

namespace sabot::test {

struct TestMessage {
  int32_t partition = 0;
  std::optional<std::string> value;
  std::optional<std::string> key = std::nullopt;
  std::vector<std::pair<std::string, std::optional<std::string>>> headers = {};
  int64_t timestamp = 0;  // 0: now
};

class TestProducer {
 public:
  explicit TestProducer(const std::string& bootstrapServers, const std::string& compression = "none") {
    Conf conf;
    // Long: what one send() brings lies in one record batch of each partition, and is fetched at once. flush() ends it.
    EXPECT_TRUE(makeConf({{"bootstrap.servers", bootstrapServers}, {"linger.ms", "1000"},
                          {"compression.type", compression}}, conf).ok());
    EXPECT_TRUE(makeClient(RD_KAFKA_PRODUCER, std::move(conf), client_).ok());
  }
  ~TestProducer() { rd_kafka_destroy(client_); }
  TestProducer(const TestProducer&) = delete;
  TestProducer& operator=(const TestProducer&) = delete;

  // Returns when all are acknowledged.
  void send(const std::string& topic, const std::vector<TestMessage>& messages) {
    // Messages of a topic that librdkafka does not know yet would be moved to its partitions one by one, and flush() may
    // send the first of them before the others are there.
    rd_kafka_topic_t* handle = rd_kafka_topic_new(client_, topic.c_str(), nullptr);
    const rd_kafka_metadata_t* metadata = nullptr;
    EXPECT_EQ(rd_kafka_metadata(client_, 0, handle, &metadata, 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
    if (metadata != nullptr) rd_kafka_metadata_destroy(metadata);
    put(topic, messages);
    rd_kafka_topic_destroy(handle);
  }

 private:
  void put(const std::string& topic, const std::vector<TestMessage>& messages) {
    for (const auto& message : messages) {
      rd_kafka_headers_t* headers = rd_kafka_headers_new(message.headers.size());
      for (const auto& [name, value] : message.headers) {
        rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value ? value->data() : nullptr,
                            value ? static_cast<ssize_t>(value->size()) : 0);
      }
      const auto data = [](const std::optional<std::string>& text) {
        return text ? const_cast<char*>(text->data()) : nullptr;
      };
      const size_t valueSize = message.value ? message.value->size() : 0;
      const size_t keySize = message.key ? message.key->size() : 0;
      for (;;) {
        const auto error = rd_kafka_producev(
            client_, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_PARTITION(message.partition),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_VALUE(data(message.value), valueSize),
            RD_KAFKA_V_KEY(data(message.key), keySize),
            RD_KAFKA_V_TIMESTAMP(message.timestamp), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) break;
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
          rd_kafka_headers_destroy(headers);
          ADD_FAILURE() << rd_kafka_err2str(error);
          return;
        }
        rd_kafka_poll(client_, 50);
      }
    }
    EXPECT_EQ(rd_kafka_flush(client_, 30'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  }

  rd_kafka_t* client_ = nullptr;
};

// A column of a slab by its place among the nodes (pre-order: children follow their parent).
class SlabColumn {
 public:
  SlabColumn(const Slab& slab, size_t node) : slab_(slab), node_(slab.nodes.at(node)) {}
  int64_t length() const { return node_.length; }
  bool isNull(int64_t row) const {
    if (node_.validityBytes == 0) return false;
    return ((slab_.data[node_.validityOffset + static_cast<size_t>(row / 8)] >> (row % 8)) & 1) == 0;
  }
  template <class T>
  T value(int64_t row) const {
    T out;
    std::memcpy(&out, slab_.data + node_.dataOffset + static_cast<size_t>(row) * sizeof(T), sizeof(T));
    return out;
  }
  bool boolean(int64_t row) const {
    return ((slab_.data[node_.dataOffset + static_cast<size_t>(row / 8)] >> (row % 8)) & 1) != 0;
  }
  int32_t offset(int64_t row) const {
    int32_t out = 0;
    std::memcpy(&out, slab_.data + node_.offsetsOffset + static_cast<size_t>(row) * 4, 4);
    return out;
  }
  std::optional<std::string> text(int64_t row) const {
    if (isNull(row)) return std::nullopt;
    const auto* bytes = reinterpret_cast<const char*>(slab_.data + node_.dataOffset);
    return std::string(bytes + offset(row), bytes + offset(row + 1));
  }

 private:
  const Slab& slab_;
  const NodeLayout& node_;
};

inline Type typeOf(TypeId id) {
  Type type;
  type.id = id;
  return type;
}

inline DecodeSpec textSpec(std::vector<MessageColumn> message = {MessageColumn::Offset}) {
  DecodeSpec spec;
  spec.codec = "string";
  spec.columns = {{{"value", typeOf(TypeId::Utf8)}, true}};
  spec.message = std::move(message);
  return spec;
}

class TestSource : public TestClient<Source, SourceConfig, SourceEvent> {
 public:
  using TestClient::TestClient;
  using TestClient::next;

  // Reads topics of texts.
  void begin(std::vector<std::string> topics) {
    (*this)->subscribe(std::move(topics));
    EXPECT_TRUE((*this)->decode(textSpec()).ok());
  }

  std::optional<SourceEvent> next(SourceEvent::Kind kind, std::chrono::milliseconds within = 15s) {
    const auto deadline = Clock::now() + within;
    for (;;) {
      auto event = next(std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()));
      if (!event || event->kind == kind) return event;
      if (event->kind == SourceEvent::Kind::Error) ADD_FAILURE() << event->code << ": " << event->message;
    }
  }

  // What commit() is answered with.
  Status commit(std::vector<CommitPosition> positions, bool* retriable = nullptr) {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<Status> answer;
    (*this)->commit(std::move(positions), [&](Status status, bool again) {
      const std::lock_guard lock(mutex);
      answer = std::move(status);
      if (retriable != nullptr) *retriable = again;
      changed.notify_one();
    });
    std::unique_lock lock(mutex);
    if (!changed.wait_for(lock, 20s, [&] { return answer.has_value(); })) {
      ADD_FAILURE() << "the commit was never answered";
      std::abort();  // its callback points here
    }
    return *answer;
  }
};

// A position in a partition as it is assigned.
inline CommitPosition at(const AssignedPartition& assigned, int64_t offset) {
  CommitPosition position;
  static_cast<Partition&>(position) = assigned;
  position.offset = offset;
  position.epoch = assigned.epoch;
  return position;
}

// What was read, by partition: values in the order in which they came.
struct ReadRows {
  std::map<int32_t, std::vector<std::string>> values;
  std::map<int32_t, int64_t> position;
  std::vector<SourceEvent> batches;
  size_t count = 0;

  // A batch of textSpec().
  void add(SourceEvent event) {
    if (event.slab) {
      const SlabColumn value(*event.slab, 0);
      for (int64_t row = 0; row < event.slab->rows; ++row) {
        values[event.partition].push_back(value.text(row).value_or("(null)"));
      }
      count += static_cast<size_t>(event.slab->rows);
    }
    position[event.partition] = event.nextOffset;
    batches.push_back(std::move(event));
  }
};

class SourceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const Status status = EmbeddedBroker::start(broker);
    ASSERT_TRUE(status.ok()) << status.message;
    producer = std::make_unique<TestProducer>(broker->bootstrapServers());
  }
  void TearDown() override { producer.reset(); }

  void topic(const std::string& name, int partitions) {
    const Status status = broker->createTopic(name, partitions);
    ASSERT_TRUE(status.ok()) << status.message;
  }
  // `count` messages in each partition; the value says where it lies: "<partition>:<number>".
  void fill(const std::string& name, int partitions, int count, int from = 0) {
    std::vector<TestMessage> messages;
    for (int i = from; i < from + count; ++i) {
      for (int32_t p = 0; p < partitions; ++p) messages.push_back({p, std::to_string(p) + ":" + std::to_string(i)});
    }
    producer->send(name, messages);
  }
  virtual std::string bootstrapServers() const { return broker->bootstrapServers(); }
  SourceConfig config(Until::Kind until = Until::Kind::End, const std::string& group = "readers") {
    SourceConfig out;
    out.properties = {{"bootstrap.servers", bootstrapServers()}, {"group.id", group},
                      {"fetch.wait.max.ms", "10"}, {"fetch.queue.backoff.ms", "5"}, {"session.timeout.ms", "2000"},
                      {"heartbeat.interval.ms", "100"}, {"partition.assignment.strategy", "cooperative-sticky"}};
    out.until.kind = until;
    out.parallelism = 2;
    return out;
  }
  SourceConfig withoutGroup(Until::Kind until = Until::Kind::End) {
    SourceConfig out = config(until);
    out.group = false;
    std::erase_if(out.properties, [](const auto& property) {
      return property.first == "group.id" || property.first == "partition.assignment.strategy";
    });
    return out;
  }

  // Everything up to End, or up to `rows` rows.
  static ReadRows read(TestSource& source, size_t rows = SIZE_MAX, std::chrono::milliseconds within = 20s) {
    ReadRows out;
    const auto deadline = Clock::now() + within;
    while (out.count < rows) {
      auto event = source.next(std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()));
      if (!event) {
        ADD_FAILURE() << "nothing more came after " << out.count << " rows; " << logText(source);
        break;
      }
      if (event->kind == SourceEvent::Kind::End) break;
      if (event->kind == SourceEvent::Kind::Error) {
        ADD_FAILURE() << event->code << ": " << event->message;
        break;
      }
      if (event->kind == SourceEvent::Kind::Revoked) source->revoked(event->token);
      if (event->kind == SourceEvent::Kind::Batch) out.add(std::move(*event));
    }
    return out;
  }
  static std::string logText(const TestSource& source) {
    std::string text = "log:";
    for (const auto& line : source.logs) text += "\n  " + line;
    return text;
  }
  static std::vector<std::string> numbered(int32_t partition, int from, int count) {
    std::vector<std::string> out;
    for (int i = from; i < from + count; ++i) out.push_back(std::to_string(partition) + ":" + std::to_string(i));
    return out;
  }

  std::unique_ptr<EmbeddedBroker> broker;
  std::unique_ptr<TestProducer> producer;
};

}  // namespace sabot::test
