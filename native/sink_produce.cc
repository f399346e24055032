// The producer thread of the sink: requests to records, and records to librdkafka; and the partitioners, which run there.
#include <algorithm>
#include <chrono>
#include <mutex>
#include <new>
#include <random>
#include <utility>
#include <vector>

#include "array_values.h"
#include "sink_impl.h"

namespace sabot {

using std::chrono::milliseconds;

namespace {

constexpr size_t chunkRows = 1024;     // rows that are encoded, and produced, in one go
constexpr milliseconds fullWait{20};   // how late the producer thread may notice room that nobody announced

// Which message a row came from; those that are passed say it themselves.
void tellOffsets(const WriteRequest& request, std::vector<RowError>& errors) {
  if (request.roles.offset < 0) return;
  const ArrayView& offsets = request.columns[static_cast<size_t>(request.roles.offset)].array;
  for (RowError& error : errors) error.offset = valueAt<int64_t>(offsets, error.row);
}

Failure reclaimedFailure() {
  return {"ABORTED", "the source was closed before the rows were sent", false, -1, -1};
}

}  // namespace

// ---------------------------------------------------------------- producer thread

void Sink::Impl::runProducer() {
  for (;;) {
    WriteRequest request;
    {
      std::unique_lock lock(requestsMutex_);
      requestsChanged_.wait(lock, [this] { return closing_ || !requests_.empty(); });
      if (requests_.empty()) break;
      request = std::move(requests_.front());
      requests_.pop_front();
    }
    process(request);
  }
  producerDone_ = true;
}

void Sink::Impl::process(WriteRequest& request) {
  // Moved, so that the event has the last reference and drops it on the caller's thread.
  InFlight* write = writes_.add(request.id, std::move(request.keepAlive));
  if (abort_) writes_.failAll(abortedFailure());
  if (!write->hasFailed) {
    try {
      // The source takes its messages back only between two of these.
      std::unique_lock<std::mutex> hold;
      if (request.passed != nullptr) hold = request.passed->hold();
      encodeAndProduce(request, write);
    } catch (const std::bad_alloc&) {
      writes_.fail(write, {"MEMORY", "no memory to encode the rows", false, -1, -1});
    }
  }
  writes_.release(write);
}

void Sink::Impl::encodeAndProduce(const WriteRequest& request, InFlight* write) {
  const size_t count = request.selected ? request.rows.size() : static_cast<size_t>(request.rowCount);
  const bool wholeFirst = request.onError == OnRowError::Fail;
  const size_t step = wholeFirst ? std::max<size_t>(count, 1) : chunkRows;
  for (size_t begin = 0; begin < count; begin += step) {
    const size_t size = std::min(step, count - begin);
    std::span<const uint32_t> rows;
    if (request.selected) {
      rows = request.rows.subspan(begin, size);
    } else {
      rows_.resize(size);
      for (size_t i = 0; i < size; ++i) rows_[i] = static_cast<uint32_t>(begin + i);
      rows = rows_;
    }
    if (request.passed != nullptr && request.passed->isWanted()) return writes_.refuse(write, reclaimedFailure());
    {
      const WorkTime::Span encoding(encodeTime_);
      builder_->build(request, rows, records_, rowErrors_);
    }
    tellOffsets(request, rowErrors_);
    if (!rowErrors_.empty() && wholeFirst) {
      const RowError& error = rowErrors_.front();
      writes_.fail(write, {error.code, error.message, false, -1, static_cast<int64_t>(error.row), error.offset});
      return;
    }
    std::move(rowErrors_.begin(), rowErrors_.end(), std::back_inserter(write->errors));
    const WorkTime::Span delivering(deliverTime_);
    if (!(goesAsBatch(request) ? produceBatch(request, write) : produceEach(request, write))) {
      if (!abort_ && !writes_.isBroken()) writes_.refuse(write, reclaimedFailure());
      break;
    }
  }
  if (abort_) writes_.failAll(abortedFailure());
}

// produce_batch takes neither headers nor timestamps; and for partitions that do not exist it loses a message
// (librdkafka 2.15: the message is neither queued nor freed), so rows with a partition go one by one as well.
bool Sink::Impl::goesAsBatch(const WriteRequest& request) const {
  const auto& roles = request.roles;
  if (roles.timestamp >= 0 || roles.partition >= 0) return false;
  if (request.passed != nullptr && (request.passed->parts.timestamp || request.passed->parts.partition)) return false;
  return std::none_of(records_.begin(), records_.end(), [](const Record& record) { return record.hasHeaders; });
}

void Sink::Impl::waitForRoom() {
  std::unique_lock lock(roomMutex_);
  room_.wait_for(lock, fullWait);  // a notification that came just before is made up for by the time-out
}

// False: producing ended before the last record.
bool Sink::Impl::produceBatch(const WriteRequest& request, InFlight* write) {
  for (size_t begin = 0; begin < records_.size(); begin += chunkRows) {
    const size_t size = std::min(chunkRows, records_.size() - begin);
    messages_.assign(size, {});
    for (size_t i = 0; i < size; ++i) {
      const Record& record = records_[begin + i];
      rd_kafka_message_t& message = messages_[i];
      message.payload = const_cast<char*>(record.value);  // MSG_F_COPY: only read
      message.len = record.valueSize;
      message.key = const_cast<char*>(record.key);
      message.key_len = record.keySize;
      message._private = write;
    }
    // Before the call: reports may come while it runs.
    write->outstanding.fetch_add(static_cast<int64_t>(size), std::memory_order_relaxed);
    for (size_t next = 0; next < size;) {
      if (stopProducing(request)) {
        writes_.settle(write, static_cast<int64_t>(size - next));
        return false;
      }
      rd_kafka_produce_batch(topic_, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, messages_.data() + next,
                             static_cast<int>(size - next));
      // Once the queue is full, every message after that has the same error: order is kept, the rest is tried again.
      for (; next < size && messages_[next].err != RD_KAFKA_RESP_ERR__QUEUE_FULL; ++next) {
        if (messages_[next].err == RD_KAFKA_RESP_ERR_NO_ERROR) continue;
        char reason[512] = "";
        const auto fatal = rd_kafka_fatal_error(client_, reason, sizeof(reason));
        writes_.fail(write, fatal == RD_KAFKA_RESP_ERR_NO_ERROR ? failureOf(messages_[next].err, -1, nullptr)
                                                                : failureOf(fatal, -1, reason));
        writes_.settle(write, 1);
      }
      if (next < size) waitForRoom();
    }
  }
  return true;
}

// As produceBatch.
bool Sink::Impl::produceEach(const WriteRequest& request, InFlight* write) {
  rd_kafka_vu_t parts[8] = {};
  const auto part = [&parts](size_t i, rd_kafka_vtype_t type) -> rd_kafka_vu_t& {
    parts[i].vtype = type;
    return parts[i];
  };
  part(0, RD_KAFKA_VTYPE_RKT).u.rkt = topic_;
  part(1, RD_KAFKA_VTYPE_MSGFLAGS).u.i = RD_KAFKA_MSG_F_COPY;
  part(2, RD_KAFKA_VTYPE_OPAQUE).u.ptr = write;
  // Before the first call: reports may come while others are made.
  auto left = static_cast<int64_t>(records_.size());
  write->outstanding.fetch_add(left, std::memory_order_relaxed);
  for (const Record& record : records_) {
    part(3, RD_KAFKA_VTYPE_VALUE).u.mem = {const_cast<char*>(record.value), record.valueSize};
    part(4, RD_KAFKA_VTYPE_KEY).u.mem = {const_cast<char*>(record.key), record.keySize};
    part(5, RD_KAFKA_VTYPE_PARTITION).u.i32 = record.partition;
    part(6, RD_KAFKA_VTYPE_TIMESTAMP).u.i64 = record.timestamp;
    rd_kafka_headers_t* headers = makeHeaders(request, record);
    if (headers != nullptr) part(7, RD_KAFKA_VTYPE_HEADERS).u.headers = headers;

    rd_kafka_error_t* error = nullptr;
    for (;;) {
      error = rd_kafka_produceva(client_, parts, headers == nullptr ? 7 : 8);
      if (error == nullptr || rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR__QUEUE_FULL ||
          stopProducing(request)) {
        break;
      }
      rd_kafka_error_destroy(error);
      waitForRoom();
    }
    if (error == nullptr) {
      --left;
      if (!stopProducing(request)) continue;
      writes_.settle(write, left);
      return false;
    }
    // Not taken: the headers are still ours.
    if (headers != nullptr) rd_kafka_headers_destroy(headers);
    if (!stopProducing(request)) {
      writes_.fail(write, failureOf(rd_kafka_error_code(error), record.partition, rd_kafka_error_string(error)));
    }
    rd_kafka_error_destroy(error);
    writes_.settle(write, left);
    return false;
  }
  return true;
}

// ---------------------------------------------------------------- partitioners

// On the producer thread, or on librdkafka's main thread for messages that waited for the topic's metadata.
int32_t Sink::Impl::nextPartition(const rd_kafka_topic_t* topic, const void*, size_t, int32_t count, void* opaque,
                                  void*) {
  auto& next = static_cast<Impl*>(opaque)->roundRobin_;
  int32_t partition = 0;
  for (int32_t tries = 0; tries < count; ++tries) {
    partition = static_cast<int32_t>(next.fetch_add(1, std::memory_order_relaxed) % static_cast<uint32_t>(count));
    if (rd_kafka_topic_partition_available(topic, partition) != 0) return partition;
  }
  // None has a leader, as before the first connection. `count` steps led back to where they began: one more goes on.
  next.fetch_add(1, std::memory_order_relaxed);
  return partition;
}

int32_t Sink::Impl::stickyPartition(const rd_kafka_topic_t* topic, const void*, size_t, int32_t count, void*,
                                    void* writeOpaque) {
  auto& chosen = static_cast<InFlight*>(writeOpaque)->stickyPartition;
  // Kept even if it becomes unavailable: the rows of one write stay in order.
  int32_t partition = chosen.load();
  if (partition >= 0 && partition < count) return partition;
  // Not std::random_device: libstdc++'s needs a newer glibc than all else in the addon does.
  thread_local std::minstd_rand random{
      static_cast<uint32_t>(std::chrono::steady_clock::now().time_since_epoch().count())};
  const auto start = static_cast<int32_t>(random() % static_cast<uint32_t>(count));
  int32_t candidate = start;
  for (int32_t i = 1; i < count && rd_kafka_topic_partition_available(topic, candidate) == 0; ++i) {
    candidate = (start + i) % count;
  }
  // The other thread may choose at the same moment; the first one wins.
  return chosen.compare_exchange_strong(partition, candidate) ? candidate : partition;
}

}  // namespace sabot
