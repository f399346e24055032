// Values of an ArrayView, and what encoders do when a call fails as a whole.
#pragma once

#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sabot.h"

namespace sabot {

// The value of a valid row; JavaScript's views need not be aligned.
template <class T>
T valueAt(const ArrayView& array, int64_t row) {
  T value;
  std::memcpy(&value, array.data + static_cast<size_t>(row + array.offset) * sizeof(T), sizeof(T));
  return value;
}

inline bool boolAt(const ArrayView& array, int64_t row) {
  const int64_t i = row + array.offset;
  return ((array.data[i >> 3] >> (i & 7)) & 1) != 0;
}

// Of a Utf8 or Binary array. data() is never nullptr: an empty value is not a null one.
inline std::string_view bytesAt(const ArrayView& array, int64_t row) {
  const int32_t* offsets = array.offsets + row + array.offset;
  const auto size = static_cast<size_t>(offsets[1] - offsets[0]);
  if (size == 0) return "";
  return {reinterpret_cast<const char*>(array.data) + offsets[0], size};
}

// Takes back what a call of encode() appended and gives every one of its rows the same error. Nothing but the errors'
// texts is allocated anew: the entries had room before or are few bytes.
class EncodeUndo {
 public:
  EncodeUndo(EncodedRows& out, std::vector<RowError>& errors)
      : out_(out), errors_(errors), rows_(out.rows()), errorCount_(errors.size()) {}

  void failAll(size_t count, const std::string& code, const std::string& message) {
    out_.null.resize(rows_);
    out_.offsets.resize(rows_ + 1);
    out_.bytes.resize(out_.offsets.back());
    errors_.erase(errors_.begin() + static_cast<std::ptrdiff_t>(errorCount_), errors_.end());
    for (uint32_t i = 0; i < count; ++i) {
      out_.null.push_back(1);
      out_.offsets.push_back(out_.bytes.size());
      errors_.push_back({i, code, message});
    }
  }

 private:
  EncodedRows& out_;
  std::vector<RowError>& errors_;
  size_t rows_;
  size_t errorCount_;
};

}  // namespace sabot
