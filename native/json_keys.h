// The keys of one object in the schema, and which key came after which in the last document.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "json_block.h"
#include "json_text.h"

namespace sabot {

struct JsonNode;

// One key as documents mostly write it behind another: `,"name":` without blanks.
class JsonKey {
 public:
  // The key that nothing begins with.
  JsonKey() = default;
  JsonKey(std::string_view name, JsonNode* wanted) : node(wanted) {
    // '}' would let the comparison cross the end of a document; what needs an escape is not written as it is.
    std::string text = ',' + jsonString(name) + ':';
    if (text.size() != name.size() + 4 || text.find('}') != std::string::npos) return;
    size_ = text.size();
    std::memcpy(start_, text.data(), size_ < sizeof(start_) ? size_ : sizeof(start_));
    for (size_t half = 0; half < 2; ++half) {
      const size_t from = half * Block::size;
      const size_t bytes = size_ <= from ? 0 : size_ - from;
      masks_[half] = bytes >= Block::size ? 0xFFFF : (1u << bytes) - 1;
    }
    if (size_ > sizeof(start_)) rest_ = text.substr(sizeof(start_));
  }

  // How many bytes of the text at `at` are comma, key and colon, 0: none. Reads up to 32 bytes there.
  size_t match(const char* at) const { return match(at, masks_[0]); }
  // The same, whatever the first byte is: behind '{' there is no comma.
  size_t matchFirst(const char* at) const { return match(at, masks_[0] & ~1u); }

  JsonNode* node = nullptr;  // where its values go; nullptr: no column wants it
  JsonKey* next = nullptr;   // the key that came after it last time

 private:
  size_t match(const char* at, uint32_t mask) const {
    if ((Block(at).same(Block(start_)) & mask) != mask) return 0;
    return size_ <= Block::size ? size_ : matchLong(at);
  }

  size_t matchLong(const char* at) const {
    if ((Block(at + Block::size).same(Block(start_ + Block::size)) & masks_[1]) != masks_[1]) return 0;
    // Byte by byte: the text may end before the literal does, with a byte that differs.
    at += sizeof(start_);
    for (size_t i = 0; i < rest_.size(); ++i) {
      if (at[i] != rest_[i]) return 0;
    }
    return size_;
  }

  uint32_t masks_[2] = {0x10000, 0};  // a bit that no comparison sets
  size_t size_ = 0;
  char start_[2 * Block::size] = {};
  std::string rest_;  // of a literal that is longer
};

// Keys that no column wants are learned as they come, but few of them:
// documents may hold maps with any number of keys.
class JsonKeys {
 public:
  static constexpr size_t most = 128;
  static constexpr size_t longest = 128;

  JsonKeys(const JsonKeys&) = delete;
  JsonKeys& operator=(const JsonKeys&) = delete;
  // `nodes`: one a field.
  JsonKeys(const std::vector<Field>& fields, JsonNode* nodes);

  JsonKey* first = &nobody_;  // the key that came first last time

  // The key of this name; nullptr: there is none, and there will be none.
  JsonKey* find(std::string_view name) {
    const auto known = byName_.find(name);
    if (known != byName_.end()) return known->second;
    // Only ASCII: a key that is taken for granted is not looked at for UTF-8 again.
    if (keys_.size() == learned_ || name.size() > longest) return nullptr;
    for (const char c : name) {
      if (static_cast<uint8_t>(c) >= 0x80) return nullptr;
    }
    return add(name, nullptr);
  }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  JsonKey* add(std::string_view name, JsonNode* node) {
    JsonKey* const key = &keys_.emplace_back(name, node);
    key->next = &nobody_;
    byName_.emplace(name, key);
    return key;
  }

  JsonKey nobody_;  // nothing begins with it
  std::vector<JsonKey> keys_;
  std::unordered_map<std::string, JsonKey*, Hash, std::equal_to<>> byName_;
  size_t learned_ = 0;
};

}  // namespace sabot
