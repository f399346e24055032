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
  for (; at < end; at += Block::size) {
    uint32_t places = Block(at).slashesOrPairs(Block(at + 1), second);
    for (; places != 0; places &= places - 1) {
      const char* const place = at + std::countr_zero(places);
      if (place >= end) return false;
      if (*place == '\\') return true;
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

bool JsonRejection::rejects(const ColumnSet& columns, int64_t row, const char* rest, const char* end) const {
  if (!predicate_->isFalse(columns, row)) return false;
  for (size_t i = 0; i < keys_.size(); ++i) {
    // A column that has not come yet did not decide.
    if (columns[asks()[i]].length() > row && mayHold(rest, end, keys_[i])) return false;
  }
  return true;
}

}  // namespace sabot
