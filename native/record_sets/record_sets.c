// Stands between librdkafka's fetcher and its parser of record batches: the linker makes the fetcher's call of
// rd_kafka_msgset_parse one of __wrap_rd_kafka_msgset_parse (native/CMakeLists.txt). librdkafka makes an op of every
// record, some 200 ns each with its allocation, its locks and its way back; here what a response has of a partition
// becomes one op, and the decode workers find the records themselves. All else is librdkafka's: connections, TLS,
// leaders, sessions, positions, back-off, pausing, the size of its queues in bytes.
//
// Compressed batches are decompressed here, on the broker's thread, as librdkafka does it. What is not a plain run of
// whole batches goes to librdkafka's own parser: old message versions, aborted transactions, a checksum that is wrong,
// what cannot be decompressed, a response that is cut off within its first batch.
//
// This file knows the inside of the librdkafka whose source the build takes, in the version that package.json pins.
#include "rd.h"
#include "rdkafka_int.h"
#include "rdkafka_msgset.h"
#include "rdkafka_partition.h"
#include "rdkafka_queue.h"
#include "rdkafka_topic.h"
#include "crc32c.h"
#include "rdgz.h"
#include "rdkafka_lz4.h"
#include "rdkafka_zstd.h"
#include "snappy.h"

#include "../record_sets.h"

// A bit of rkq_flags that librdkafka does not use.
#define TAKES_RECORD_SETS 0x10000

// The key of a message that is a record set.
static const char recordSet = 0;

int sabot_is_record_set(const rd_kafka_message_t* message) { return message->key == &recordSet; }

void sabot_take_record_sets(rd_kafka_queue_t* queue, int on) {
  rd_kafka_q_t* q = queue->rkqu_q;
  mtx_lock(&q->rkq_lock);
  if (on) q->rkq_flags |= TAKES_RECORD_SETS;
  else q->rkq_flags &= ~TAKES_RECORD_SETS;
  mtx_unlock(&q->rkq_lock);
}

static rd_bool_t takesRecordSets(rd_kafka_q_t* q) {
  mtx_lock(&q->rkq_lock);
  const rd_bool_t takes = (q->rkq_flags & TAKES_RECORD_SETS) != 0;
  mtx_unlock(&q->rkq_lock);
  return takes;
}

// Big-endian, at any address.
static int16_t int16At(const char* at) {
  uint16_t bits;
  memcpy(&bits, at, sizeof bits);
  return (int16_t)be16toh(bits);
}
static int32_t int32At(const char* at) {
  uint32_t bits;
  memcpy(&bits, at, sizeof bits);
  return (int32_t)be32toh(bits);
}
static void putInt32(char* at, int32_t value) {
  const uint32_t bits = htobe32((uint32_t)value);
  memcpy(at, &bits, sizeof bits);
}
static int64_t int64At(const char* at) {
  uint64_t bits;
  memcpy(&bits, at, sizeof bits);
  return (int64_t)be64toh(bits);
}

// What a response has of a partition.
struct recordSet {
  size_t size;         // of whole batches
  int compressed;      // batches
  int64_t lastOffset;  // that they cover
  int32_t leaderEpoch;
  int64_t records;
};

// False: a batch among those that are there whole is one for librdkafka's parser, or none is there whole.
static rd_bool_t findRecordSet(const char* data, size_t size, rd_bool_t checksCrc, struct recordSet* out) {
  memset(out, 0, sizeof *out);
  // https://kafka.apache.org/documentation/#recordbatch; the last batch may be cut off.
  while (size - out->size >= RD_KAFKAP_MSGSET_V2_SIZE) {
    const char* batch = data + out->size;
    const int32_t length = int32At(batch + RD_KAFKAP_MSGSET_V2_OF_Length);
    if (length < RD_KAFKAP_MSGSET_V2_SIZE - 12) return rd_false;
    const size_t whole = 12 + (size_t)length;
    if (batch[RD_KAFKAP_MSGSET_V2_OF_MagicByte] != 2) return rd_false;
    if (whole > size - out->size) break;
    const int16_t attributes = int16At(batch + RD_KAFKAP_MSGSET_V2_OF_Attributes);
    const char* checked = batch + RD_KAFKAP_MSGSET_V2_OF_Attributes;
    if (checksCrc && rd_crc32c(0, checked, (size_t)(batch + whole - checked)) !=
                         (uint32_t)int32At(batch + RD_KAFKAP_MSGSET_V2_OF_CRC)) {
      return rd_false;
    }
    if (attributes & RD_KAFKA_MSG_ATTR_COMPRESSION_MASK) out->compressed++;
    out->size += whole;
    out->lastOffset = int64At(batch) + int32At(batch + RD_KAFKAP_MSGSET_V2_OF_LastOffsetDelta);
    out->leaderEpoch = int32At(batch + 12);
    out->records += int32At(batch + RD_KAFKAP_MSGSET_V2_OF_RecordCount);
  }
  return out->size > 0;
}

// What rd_kafka_msgset_reader_decompress does for records of version 2. NULL: it cannot be done.
static void* decompress(rd_kafka_broker_t* broker, int codec, int64_t offset, const char* data, size_t size,
                        size_t* outSize) {
  void* out = NULL;
  switch (codec) {
    case RD_KAFKA_COMPRESSION_GZIP: {
      uint64_t length = 0;
      out = rd_gz_decompress(data, (int)size, &length);
      *outSize = (size_t)length;
      return out;
    }
    case RD_KAFKA_COMPRESSION_SNAPPY: {
      static const char java[8] = {(char)0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};
      const size_t javaHeader = 16;
      if (size > javaHeader + 4 && memcmp(data, java, sizeof java) == 0) {
        char error[128];
        return rd_kafka_snappy_java_uncompress(data + javaHeader, size - javaHeader, outSize, error, sizeof error);
      }
      if (!rd_kafka_snappy_uncompressed_length(data, size, outSize)) return NULL;
      out = rd_malloc(*outSize);
      if (rd_kafka_snappy_uncompress(data, size, out) == 0) return out;
      rd_free(out);
      return NULL;
    }
    case RD_KAFKA_COMPRESSION_LZ4:
      // 1: framed as it should be, so that the data are only read.
      return rd_kafka_lz4_decompress(broker, 1, offset, (char*)data, size, &out, outSize) ? NULL : out;
    case RD_KAFKA_COMPRESSION_ZSTD:
      return rd_kafka_zstd_decompress(broker, (char*)data, size, &out, outSize) ? NULL : out;
    default: return NULL;
  }
}

// The batches of `data`, none compressed, in memory of their own, which `set` then has the size of. NULL: it cannot be
// done, and `set` is as it was.
static char* decompressed(rd_kafka_broker_t* broker, const char* data, struct recordSet* set) {
  char* out = NULL;
  size_t size = 0;
  size_t room = 0;
  for (const char* batch = data; batch < data + set->size;) {
    const size_t whole = 12 + (size_t)int32At(batch + RD_KAFKAP_MSGSET_V2_OF_Length);
    const int codec = int16At(batch + RD_KAFKAP_MSGSET_V2_OF_Attributes) & RD_KAFKA_MSG_ATTR_COMPRESSION_MASK;
    const char* records = batch + RD_KAFKAP_MSGSET_V2_SIZE;
    size_t recordsSize = whole - RD_KAFKAP_MSGSET_V2_SIZE;
    void* made = NULL;
    if (codec != 0) {
      records = made = decompress(broker, codec, int64At(batch), records, recordsSize, &recordsSize);
      if (made == NULL || recordsSize > INT32_MAX - RD_KAFKAP_MSGSET_V2_SIZE) {
        rd_free(made);
        rd_free(out);
        return NULL;
      }
    }
    if (size + RD_KAFKAP_MSGSET_V2_SIZE + recordsSize > room) {
      room = RD_MAX(2 * room, size + RD_KAFKAP_MSGSET_V2_SIZE + recordsSize);
      out = rd_realloc(out, room);
    }
    memcpy(out + size, batch, RD_KAFKAP_MSGSET_V2_SIZE);
    memcpy(out + size + RD_KAFKAP_MSGSET_V2_SIZE, records, recordsSize);
    putInt32(out + size + RD_KAFKAP_MSGSET_V2_OF_Length, (int32_t)(RD_KAFKAP_MSGSET_V2_SIZE - 12 + recordsSize));
    out[size + RD_KAFKAP_MSGSET_V2_OF_Attributes + 1] &= (char)~RD_KAFKA_MSG_ATTR_COMPRESSION_MASK;
    rd_free(made);
    size += RD_KAFKAP_MSGSET_V2_SIZE + recordsSize;
    batch += whole;
  }
  set->size = size;
  return out;
}

rd_kafka_resp_err_t __real_rd_kafka_msgset_parse(rd_kafka_buf_t* response, rd_kafka_buf_t* request,
                                                 rd_kafka_toppar_t* partition, rd_kafka_aborted_txns_t* aborted,
                                                 const struct rd_kafka_toppar_ver* version);
rd_kafka_resp_err_t __wrap_rd_kafka_msgset_parse(rd_kafka_buf_t* response, rd_kafka_buf_t* request,
                                                 rd_kafka_toppar_t* partition, rd_kafka_aborted_txns_t* aborted,
                                                 const struct rd_kafka_toppar_ver* version);

// On the broker's thread, as what it stands for; the reader of the response holds what it has of this partition alone.
rd_kafka_resp_err_t __wrap_rd_kafka_msgset_parse(rd_kafka_buf_t* response, rd_kafka_buf_t* request,
                                                 rd_kafka_toppar_t* partition, rd_kafka_aborted_txns_t* aborted,
                                                 const struct rd_kafka_toppar_ver* version) {
  rd_slice_t* reader = &response->rkbuf_reader;
  rd_kafka_broker_t* broker = response->rkbuf_rkb;
  rd_kafka_fetch_pos_t* position = &partition->rktp_offsets.fetch_pos;
  const void* data = NULL;
  char* ours = NULL;
  struct recordSet set;
  if (aborted != NULL || !takesRecordSets(partition->rktp_fetchq) ||
      rd_slice_peeker(reader, &data) != rd_slice_remains(reader) ||
      !findRecordSet(data, rd_slice_remains(reader), broker->rkb_rk->rk_conf.check_crcs, &set) ||
      set.lastOffset < position->offset ||
      (set.compressed > 0 && (ours = decompressed(broker, data, &set)) == NULL)) {
    return __real_rd_kafka_msgset_parse(response, request, partition, aborted, version);
  }
  // What the message shares until it is destroyed.
  rd_kafka_buf_t* holder = response;
  if (ours != NULL) {
    holder = rd_kafka_buf_new_shadow(ours, set.size, rd_free);
    holder->rkbuf_rkb = broker;
    rd_kafka_broker_keep(broker);
    data = ours;
  }
  rd_kafka_msg_t* message;
  rd_kafka_op_t* op = rd_kafka_op_new_fetch_msg(&message, partition, version->version, holder,
                                                RD_KAFKA_FETCH_POS(set.lastOffset, set.leaderEpoch), 0, &recordSet,
                                                set.size, data);
  if (ours != NULL) rd_kafka_buf_destroy(holder);
  message->rkm_broker_id = rd_kafka_broker_id(broker);
  message->rkm_timestamp = position->offset;
  message->rkm_tstype = RD_KAFKA_TIMESTAMP_CREATE_TIME;
  // 0: nobody reads the queue any more.
  if (rd_kafka_q_enq(partition->rktp_fetchq, op)) position->offset = set.lastOffset + 1;
  position->leader_epoch = set.leaderEpoch;
  rd_slice_read(reader, NULL, rd_slice_remains(reader));

  rd_atomic64_add(&partition->rktp_c.rx_msgs, set.records);
  rd_atomic64_add(&partition->rktp_c.rx_msg_bytes, (int64_t)set.size);
  rd_avg_add(&partition->rktp_rkt->rkt_avg_batchcnt, set.records);
  rd_avg_add(&partition->rktp_rkt->rkt_avg_batchsize, (int64_t)set.size);
  return RD_KAFKA_RESP_ERR_NO_ERROR;
}
