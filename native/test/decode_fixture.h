// Rows in, rows out: decodes values into a slab, reads the slab as Arrow arrays and prints its rows as JSON.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "columns.h"
#include "predicate.h"
#include "sabot.h"

namespace sabot::test {

using Value = std::optional<std::string>;  // none: tombstone

inline std::vector<ColumnSpec> columnsOf(std::string_view schemaJson) {
  std::vector<Field> fields;
  const Status status = parseSchema(schemaJson, fields);
  EXPECT_TRUE(status.ok()) << status.message;
  std::vector<ColumnSpec> columns;
  for (Field& field : fields) columns.push_back({std::move(field), true});
  return columns;
}

// One column; the type is a name or in wire form.
inline std::vector<ColumnSpec> column(std::string name, std::string_view type) {
  std::vector<ColumnSpec> columns(1);
  columns[0].field.name = std::move(name);
  const std::string json = type.starts_with('{') ? std::string(type) : '"' + std::string(type) + '"';
  const Status status = parseType(json, columns[0].field.type);
  EXPECT_TRUE(status.ok()) << status.message;
  return columns;
}

class SlabArrays {
 public:
  SlabArrays(const std::vector<ColumnSpec>& columns, const Slab& slab) : slab_(slab) {
    for (const ColumnSpec& column : columns) {
      if (column.emit) arrays_.push_back({column.field.name, next(column.field.type)});
    }
    EXPECT_EQ(at_, slab.nodes.size());
  }
  const std::vector<NamedArray>& arrays() const { return arrays_; }

 private:
  ArrayView next(const Type& type) {
    ArrayView view;
    if (at_ >= slab_.nodes.size()) {
      ADD_FAILURE() << "the slab has fewer nodes than its schema";
      return view;
    }
    const NodeLayout& node = slab_.nodes[at_++];
    view.type = type;
    view.length = node.length;
    view.nullCount = node.nullCount;
    EXPECT_EQ(node.nullCount > 0, node.validityBytes > 0);
    for (const uint64_t offset : {node.validityOffset, node.offsetsOffset, node.dataOffset}) EXPECT_EQ(offset % 64, 0);
    for (const uint64_t end : {node.validityOffset + node.validityBytes, node.offsetsOffset + node.offsetsBytes,
                               node.dataOffset + node.dataBytes}) {
      EXPECT_LE(end, slab_.size);
    }
    if (node.validityBytes > 0) view.validity = slab_.data + node.validityOffset;
    if (node.offsetsBytes > 0) view.offsets = reinterpret_cast<const int32_t*>(slab_.data + node.offsetsOffset);
    view.data = slab_.data + node.dataOffset;
    int64_t nulls = 0;
    for (int64_t i = 0; i < view.length; ++i) nulls += view.isValid(i) ? 0 : 1;
    EXPECT_EQ(nulls, view.nullCount);
    if (view.offsets != nullptr) {
      EXPECT_EQ(view.offsets[0], 0);
      for (int64_t i = 0; i < view.length; ++i) EXPECT_LE(view.offsets[i], view.offsets[i + 1]);
    }
    for (const Field& child : type.children) {
      view.children.push_back(next(child.type));
      const int64_t length = type.id == TypeId::List ? view.offsets[view.length] : view.length;
      EXPECT_EQ(view.children.back().length, length);
    }
    return view;
  }

  const Slab& slab_;
  size_t at_ = 0;
  std::vector<NamedArray> arrays_;
};

inline std::vector<std::string> rowsOf(const std::vector<ColumnSpec>& columns, const Slab& slab) {
  const SlabArrays arrays(columns, slab);
  std::unique_ptr<Encoder> encoder;
  EXPECT_TRUE(makeEncoder("json", "{\"nonFinite\":\"null\"}", encoder).ok());
  std::vector<uint32_t> rows(static_cast<size_t>(slab.rows));
  std::iota(rows.begin(), rows.end(), 0);
  EncodedRows out;
  std::vector<RowError> errors;
  encoder->encode(arrays.arrays(), rows, out, errors);
  for (const RowError& error : errors) ADD_FAILURE() << "row " << error.row << ": " << error.message;
  std::vector<std::string> texts;
  for (size_t i = 0; i < out.rows(); ++i) {
    texts.emplace_back(out.bytes.data() + out.offsets[i], out.bytes.data() + out.offsets[i + 1]);
  }
  return texts;
}

struct Decoded {
  std::vector<std::string> rows;  // as JSON objects
  std::vector<uint32_t> kept;
  std::vector<RowError> errors;
};

// A decoder with its columns, which may be used for one batch after another.
class Decoding {
 public:
  explicit Decoding(std::vector<ColumnSpec> columns, std::string_view codec = "json", std::string_view predicate = "",
                    int maxDepth = 64)
      : columns_(std::move(columns)), set_(columns_) {
    std::shared_ptr<const Predicate> parsed;
    if (!predicate.empty()) {
      const Status status = Predicate::parse(predicate, columns_, parsed);
      EXPECT_TRUE(status.ok()) << status.message;
    }
    const Status status = makeDecoder(codec, columns_, parsed, DecodeLimits{maxDepth}, decoder_);
    EXPECT_TRUE(status.ok()) << status.message;
  }

  Decoded decode(const std::vector<Value>& values) {
    std::vector<Bytes> bytes;
    for (const Value& value : values) bytes.push_back(value ? Bytes{value->data(), value->size()} : Bytes{});
    DecodeOutcome outcome;
    decoder_->decode(bytes, set_, outcome);
    Slab slab;
    const Status status = set_.finish(static_cast<int64_t>(outcome.kept.size()), slab);
    EXPECT_TRUE(status.ok()) << status.message;
    Decoded out{{}, outcome.kept, outcome.errors};
    if (std::any_of(columns_.begin(), columns_.end(), [](const ColumnSpec& column) { return column.emit; })) {
      out.rows = rowsOf(columns_, slab);
    }
    return out;
  }

 private:
  std::vector<ColumnSpec> columns_;
  ColumnSet set_;
  std::unique_ptr<Decoder> decoder_;
};

inline Decoded decode(const std::vector<ColumnSpec>& columns, const std::vector<Value>& values) {
  return Decoding(columns).decode(values);
}

// What becomes of {"v": VALUE} in a column of this type: the value as JSON, or the error's code and message.
inline std::string in(std::string_view type, std::string_view json) {
  const Decoded out = decode(column("v", type), {"{\"v\":" + std::string(json) + "}"});
  if (!out.errors.empty()) return out.errors[0].code + ": " + out.errors[0].message;
  return out.rows.empty() ? "no row" : out.rows[0].substr(5, out.rows[0].size() - 6);
}

inline bool isMisfit(std::string_view type, std::string_view json) { return in(type, json).starts_with("SCHEMA: column v: "); }

}  // namespace sabot::test
