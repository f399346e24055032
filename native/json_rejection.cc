#include "json_rejection.h"

#include <bit>
#include <cstring>
#include <utility>

#include "json_block.h"
#include "json_text.h"

namespace sabot {

namespace {

Block filled(char c) {
  char bytes[Block::size];
  std::memset(bytes, c, sizeof bytes);
  return Block(bytes);
}

// Whether the key, in quotes, or anything with an escape, which may be the key, is in there.
bool mayHold(const char* at, const char* end, const std::string& key) {
  const Block second = filled(key[1]);
  const auto places = [&second](const char* from) { return Block(from).slashesOrPairs(Block(from + 1), second); };
  for (; at < end; at += 2 * Block::size) {
    for (uint32_t found = places(at) | places(at + Block::size) << Block::size; found != 0; found &= found - 1) {
      const char* const place = at + std::countr_zero(found);
      if (place >= end) return false;
      if (*place == '\\') return true;
      // One more byte tells most others apart without a call.
      if (key.size() > 2 && place[2] != key[2]) continue;
      if (static_cast<size_t>(end - place) >= key.size() && std::memcmp(place, key.data(), key.size()) == 0) return true;
    }
  }
  return false;
}

}  // namespace

JsonRejection::JsonRejection(const std::vector<ColumnSpec>& columns, std::shared_ptr<const Predicate> predicate)
    : predicate_(std::move(predicate)) {
  for (const uint32_t column : asks()) keys_.push_back(jsonString(columns[column].field.name));
}

bool JsonRejection::mayChange(const ColumnSet& columns, int64_t row, const char* rest, const char* end) const {
  for (size_t i = 0; i < keys_.size(); ++i) {
    // A column that has not come yet did not decide.
    if (columns[asks()[i]].length() > row && mayHold(rest, end, keys_[i])) return true;
  }
  return false;
}

}  // namespace sabot
