// Arrow arrays for tests: each keeps its buffers, `named()` gives the view that encoders and the sink take.
#pragma once

#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sabot.h"

namespace sabot::test {

__extension__ typedef __int128 Int128;

// Buffers live as long as any copy of the array. `rowsBefore`: rows that lie in the buffers before row 0 of the view.
class TestArray {
 public:
  template <class T>
  static TestArray fixed(Type type, const std::vector<std::optional<T>>& values, int64_t rowsBefore = 0) {
    TestArray out(std::move(type), static_cast<int64_t>(values.size()), rowsBefore);
    auto data = std::make_shared<std::vector<uint8_t>>(values.size() * sizeof(T) + 1);
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i]) std::memcpy(data->data() + i * sizeof(T), &*values[i], sizeof(T));
    }
    out.setValidity(values);
    out.view_.data = data->data();
    out.keep_.push_back(data);
    return out;
  }

  static TestArray bools(const std::vector<std::optional<bool>>& values) {
    TestArray out(simple(TypeId::Bool), static_cast<int64_t>(values.size()), 0);
    auto data = std::make_shared<std::vector<uint8_t>>(values.size() / 8 + 1);
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i].value_or(false)) (*data)[i / 8] = static_cast<uint8_t>((*data)[i / 8] | 1u << (i % 8));
    }
    out.setValidity(values);
    out.view_.data = data->data();
    out.keep_.push_back(data);
    return out;
  }

  static TestArray bytes(TypeId id, const std::vector<std::optional<std::string>>& values, int64_t rowsBefore = 0) {
    TestArray out(simple(id), static_cast<int64_t>(values.size()), rowsBefore);
    auto data = std::make_shared<std::string>();
    auto offsets = std::make_shared<std::vector<int32_t>>(1, 0);
    for (const auto& value : values) {
      if (value) *data += *value;
      offsets->push_back(static_cast<int32_t>(data->size()));
    }
    out.setValidity(values);
    out.view_.data = reinterpret_cast<const uint8_t*>(data->data());
    out.view_.offsets = offsets->data();
    out.keep_.push_back(data);
    out.keep_.push_back(offsets);
    return out;
  }
  static TestArray utf8(const std::vector<std::optional<std::string>>& values) { return bytes(TypeId::Utf8, values); }

  static TestArray list(const TestArray& item, const std::vector<int32_t>& offsets,
                        const std::vector<std::optional<bool>>& valid = {}) {
    Type type = simple(TypeId::List);
    type.children.push_back({"item", item.view_.type});
    TestArray out(std::move(type), static_cast<int64_t>(offsets.size()) - 1, 0);
    auto copy = std::make_shared<std::vector<int32_t>>(offsets);
    out.view_.offsets = copy->data();
    out.keep_.push_back(copy);
    out.adopt(item);
    if (!valid.empty()) out.setValidity(valid);
    return out;
  }

  static TestArray structs(const std::vector<std::pair<std::string, TestArray>>& fields, int64_t length,
                           const std::vector<std::optional<bool>>& valid = {}) {
    TestArray out(simple(TypeId::Struct), length, 0);
    for (const auto& [name, array] : fields) {
      out.view_.type.children.push_back({name, array.view_.type});
      out.adopt(array);
    }
    if (!valid.empty()) out.setValidity(valid);
    return out;
  }

  static Type simple(TypeId id, TimeUnit unit = TimeUnit::Milli) {
    Type type;
    type.id = id;
    type.unit = unit;
    return type;
  }

  const ArrayView& view() const { return view_; }
  NamedArray named(std::string name) const { return {std::move(name), view_}; }
  std::shared_ptr<void> keep() const { return std::make_shared<std::vector<std::shared_ptr<void>>>(keep_); }

 private:
  TestArray(Type type, int64_t length, int64_t rowsBefore) {
    view_.type = std::move(type);
    view_.length = length - rowsBefore;
    view_.offset = rowsBefore;
  }

  void adopt(const TestArray& child) {
    view_.children.push_back(child.view_);
    keep_.insert(keep_.end(), child.keep_.begin(), child.keep_.end());
  }

  template <class Optional>
  void setValidity(const std::vector<Optional>& values) {
    auto bits = std::make_shared<std::vector<uint8_t>>(values.size() / 8 + 1);
    view_.nullCount = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      if (values[i]) (*bits)[i / 8] = static_cast<uint8_t>((*bits)[i / 8] | 1u << (i % 8));
      else ++view_.nullCount;
    }
    if (view_.nullCount == 0) return;
    view_.validity = bits->data();
    keep_.push_back(bits);
  }

  ArrayView view_;
  std::vector<std::shared_ptr<void>> keep_;
};

}  // namespace sabot::test
