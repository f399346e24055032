// Fetched record batches as they lie: with a librdkafka that we build, a partition's queue can bring what a fetch response
// has of the partition as one message, instead of one message for each record. record_sets/record_sets.c does it.
#pragma once

#include <rdkafka.h>

#ifdef __cplusplus
extern "C" {
#endif

// From now on `queue`, of rd_kafka_queue_get_partition(), brings record sets where it can (on != 0), or as librdkafka
// does, a message for each record. Before the partition is assigned.
void sabot_take_record_sets(rd_kafka_queue_t* queue, int on);

// Whether a message of such a queue is a record set. Then
//   payload, len                   are whole record batches (version 2, not compressed, checksums compared), one behind the
//                                  other, among them control batches;
//   offset                         is the last offset that they cover;
//   rd_kafka_message_timestamp()   is the first offset that was asked for: records before it are none of the response.
// Otherwise it is a message as librdkafka's consumer makes it.
int sabot_is_record_set(const rd_kafka_message_t* message);

#ifdef __cplusplus
}
#endif
