// What JavaScript says once, as JSON (src/kafka/addon.ts), to the structs of the source, the sink and the admin calls.
// Every error is CONFIG and names the member, what was expected and what came. No N-API in this file.
#pragma once

#include <string_view>
#include <vector>

#include "admin.h"
#include "kafka_common.h"
#include "sabot.h"
#include "sink.h"
#include "source.h"

namespace sabot {

Status parseSourceConfig(std::string_view json, SourceConfig& out);
Status parseDecodeSpec(std::string_view json, DecodeSpec& out);
Status parseFusedSpec(std::string_view json, FusedSpec& out);
Status parseSinkConfig(std::string_view json, SinkConfig& out);

// [{"topic", "partition", "offset": "123", "epoch"}]
Status parseCommitPositions(std::string_view json, std::vector<CommitPosition>& out);

// {"bootstrap.servers": "...", ...}. Errors tell no values: they may be secrets.
Status parseProperties(std::string_view json, Properties& out);

// [{"name", "partitions", "replication", "config": {...}}]; replication and config may be left out.
Status parseNewTopics(std::string_view json, std::vector<NewTopic>& out);

}  // namespace sabot
