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

// One key as documents mostly write it: `"name":` without blanks.
class JsonKey {
 public:
  static constexpr int none = -1;

  // The key that nothing begins with.
  JsonKey() = default;
  JsonKey(std::string_view name, int key_field) : field(key_field) {
    // '}' would let the comparison cross the end of a document; what needs an escape is not written as it is.
    std::string text = jsonString(name) + ':';
    if (text.size() != name.size() + 3 || text.find('}') != std::string::npos) return;
    literal_ = text;
    size_ = text.size();
    std::memcpy(start_, text.data(), size_ < sizeof(start_) ? size_ : sizeof(start_));
    for (size_t half = 0; half < 2; ++half) {
      const size_t from = half * Block::size;
      const size_t bytes = size_ <= from ? 0 : size_ - from;
      masks_[half] = bytes >= Block::size ? 0xFFFF : (1u << bytes) - 1;
    }
  }

  // How many bytes of the text at `at` are this key, 0: none. Reads up to 32 bytes there.
  size_t match(const char* at) const {
    const uint32_t first = Block(at).same(Block(start_)) & masks_[0];
    if (first != masks_[0]) return 0;
    return size_ <= Block::size ? size_ : matchLong(at);
  }

  int field = none;   // of the schema; none: no column wants it
  uint32_t next = 0;  // the key that came after it last time

 private:
  size_t matchLong(const char* at) const {
    if ((Block(at + Block::size).same(Block(start_ + Block::size)) & masks_[1]) != masks_[1]) return 0;
    if (size_ <= sizeof(start_)) return size_;
    // Byte by byte: the text may end before the literal does, with a byte that differs.
    for (size_t i = sizeof(start_); i < size_; ++i) {
      if (at[i] != literal_[i]) return 0;
    }
    return size_;
  }

  char start_[2 * Block::size] = {};
  uint32_t masks_[2] = {0x10000, 0};  // a bit that no comparison sets
  size_t size_ = 0;
  std::string literal_;
};

// Key 0 is the one that nothing begins with. Keys that no column wants are learned as they come, but few of them:
// documents may hold maps with any number of keys.
class JsonKeys {
 public:
  static constexpr size_t most = 128;
  static constexpr size_t longest = 128;

  explicit JsonKeys(const std::vector<Field>& fields) {
    keys_.reserve(1 + fields.size() + most);  // never moved: the reader keeps a place in `next`
    keys_.emplace_back();
    for (const Field& field : fields) add(field.name, static_cast<int>(keys_.size()) - 1);
    learned_ = keys_.size() + most;
  }

  uint32_t first = 0;  // the key that came first last time

  JsonKey& operator[](uint32_t i) { return keys_[i]; }

  // The key of this name; 0: there is none, and there will be none.
  uint32_t find(std::string_view name) {
    const auto known = byName_.find(name);
    if (known != byName_.end()) return known->second;
    // Only ASCII: a key that is taken for granted is not looked at for UTF-8 again.
    if (keys_.size() == learned_ || name.size() > longest) return 0;
    for (const char c : name) {
      if (static_cast<uint8_t>(c) >= 0x80) return 0;
    }
    return add(name, JsonKey::none);
  }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };

  uint32_t add(std::string_view name, int field) {
    const auto index = static_cast<uint32_t>(keys_.size());
    keys_.emplace_back(name, field);
    byName_.emplace(name, index);
    return index;
  }

  std::vector<JsonKey> keys_;
  std::unordered_map<std::string, uint32_t, Hash, std::equal_to<>> byName_;
  size_t learned_ = 0;
};

}  // namespace sabot
