// length, contains and its kin, trim, substring, concat: on the bytes of UTF-8 where they lie. What trim and substring
// give lies in the bytes of their argument; what concat gives, in memory of its own.
#include <algorithm>
#include <cstring>
#include <string_view>

#include "expression.h"

namespace sabot::expression {

namespace {

// A byte that continues a code point.
bool continues(char byte) { return (static_cast<uint8_t>(byte) & 0xC0) == 0x80; }

void length(const Node& node, Evaluation& evaluation) {
  const Vector& a = evaluation.argument(node, 0);
  int64_t* out = evaluation.values<int64_t>(node);
  for (size_t i = 0; i < evaluation.count(); ++i) {
    int32_t points = 0;
    for (int32_t at = a.starts[i]; at < a.ends[i]; ++at) points += continues(a.bytes[at]) ? 0 : 1;
    out[i] = points;
  }
  evaluation.finish(node, a.valid);
}

// ---------------------------------------------------------------- search

template <Search place>
bool holds(std::string_view text, std::string_view sought) {
  if constexpr (place == Search::Anywhere) return text.find(sought) != std::string_view::npos;
  if constexpr (place == Search::AtStart) return text.starts_with(sought);
  return text.ends_with(sought);
}

template <Search place>
void search(const Node& node, Evaluation& evaluation) {
  const Vector& a = evaluation.argument(node, 0);
  const Vector& b = evaluation.argument(node, 1);
  uint8_t* out = evaluation.values<uint8_t>(node);
  for (size_t i = 0; i < evaluation.count(); ++i) out[i] = holds<place>(a.text(i), b.text(i)) ? 1 : 0;
  evaluation.finish(node, evaluation.both(node, a.valid, b.valid));
}

// ---------------------------------------------------------------- trim

// U+1680, U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F, U+3000, U+FEFF.
bool isWideSpace(uint8_t first, uint8_t second, uint8_t third) {
  switch (first) {
    case 0xE1: return second == 0x9A && third == 0x80;
    case 0xE2:
      if (second == 0x81) return third == 0x9F;
      return second == 0x80 && ((third >= 0x80 && third <= 0x8A) || third == 0xA8 || third == 0xA9 || third == 0xAF);
    case 0xE3: return second == 0x80 && third == 0x80;
    case 0xEF: return second == 0xBB && third == 0xBF;
    default: return false;
  }
}

bool isNarrowSpace(uint8_t byte) { return byte == 0x20 || (byte >= 0x09 && byte <= 0x0D); }

// The bytes of the white space that a text begins with, or ends with; 0: none.
int32_t spaceAtStart(const uint8_t* text, int32_t size) {
  if (size == 0) return 0;
  if (text[0] < 0x80) return isNarrowSpace(text[0]) ? 1 : 0;
  if (text[0] == 0xC2) return size >= 2 && text[1] == 0xA0 ? 2 : 0;
  return size >= 3 && isWideSpace(text[0], text[1], text[2]) ? 3 : 0;
}

int32_t spaceAtEnd(const uint8_t* end, int32_t size) {
  if (size == 0) return 0;
  if (end[-1] < 0x80) return isNarrowSpace(end[-1]) ? 1 : 0;
  if (end[-1] == 0xA0 && size >= 2 && end[-2] == 0xC2) return 2;
  return size >= 3 && isWideSpace(end[-3], end[-2], end[-1]) ? 3 : 0;
}

template <bool atStart, bool atEnd>
void trim(const Node& node, Evaluation& evaluation) {
  const Vector& a = evaluation.argument(node, 0);
  const auto* bytes = reinterpret_cast<const uint8_t*>(a.bytes);
  int32_t* starts = evaluation.starts(node);
  int32_t* ends = evaluation.ends(node);
  for (size_t i = 0; i < evaluation.count(); ++i) {
    int32_t start = a.starts[i], end = a.ends[i], space = 0;
    if constexpr (atStart) {
      while ((space = spaceAtStart(bytes + start, end - start)) > 0) start += space;
    }
    if constexpr (atEnd) {
      while ((space = spaceAtEnd(bytes + end, end - start)) > 0) end -= space;
    }
    starts[i] = start;
    ends[i] = end;
  }
  evaluation.finishText(node, a.bytes, a.valid);
}

// ---------------------------------------------------------------- substring

// The place `points` code points behind `start`, or the end.
int32_t forward(const char* bytes, int32_t start, int32_t end, double points) {
  int32_t at = start;
  for (auto left = static_cast<int32_t>(std::min<double>(points, end - start)); left > 0 && at < end; --left) {
    ++at;
    while (at < end && continues(bytes[at])) ++at;
  }
  return at;
}

// The place `points` code points before `end`, or the start.
int32_t backward(const char* bytes, int32_t start, int32_t end, double points) {
  int32_t at = end;
  for (auto left = static_cast<int32_t>(std::min<double>(points, end - start)); left > 0 && at > start; --left) {
    --at;
    while (at > start && continues(bytes[at])) --at;
  }
  return at;
}

void substring(const Node& node, Evaluation& evaluation) {
  const Vector& a = evaluation.argument(node, 0);
  const Vector& from = evaluation.argument(node, 1);
  const Vector* most = node.args.size() > 2 ? &evaluation.argument(node, 2) : nullptr;
  int32_t* starts = evaluation.starts(node);
  int32_t* ends = evaluation.ends(node);
  for (size_t i = 0; i < evaluation.count(); ++i) {
    const double skip = from.as<double>()[i];
    const int32_t end = a.ends[i];
    starts[i] = skip < 0 ? backward(a.bytes, a.starts[i], end, -skip) : forward(a.bytes, a.starts[i], end, skip);
    ends[i] = most == nullptr ? end : forward(a.bytes, starts[i], end, std::max(0.0, most->as<double>()[i]));
  }
  const uint8_t* valid = evaluation.both(node, a.valid, from.valid);
  if (most != nullptr) valid = evaluation.both(node, valid, most->valid);
  evaluation.finishText(node, a.bytes, valid);
}

// ---------------------------------------------------------------- concat

void concat(const Node& node, Evaluation& evaluation) {
  const size_t pieces = node.args.size(), count = evaluation.count();
  const uint8_t* valid = nullptr;
  for (size_t k = 0; k < pieces; ++k) valid = evaluation.both(node, valid, evaluation.argument(node, k).valid);
  size_t size = 0;
  for (size_t k = 0; k < pieces; ++k) {
    const Vector& piece = evaluation.argument(node, k);
    for (size_t i = 0; i < count; ++i) {
      if (valid == nullptr || valid[i] != 0) size += static_cast<size_t>(piece.ends[i] - piece.starts[i]);
    }
  }
  char* const bytes = evaluation.textRoom(node, size);
  if (bytes == nullptr) return;
  int32_t* starts = evaluation.starts(node);
  int32_t* ends = evaluation.ends(node);
  char* to = bytes;
  for (size_t i = 0; i < count; ++i) {
    starts[i] = static_cast<int32_t>(to - bytes);
    for (size_t k = 0; k < pieces && (valid == nullptr || valid[i] != 0); ++k) {
      const std::string_view piece = evaluation.argument(node, k).text(i);
      std::memcpy(to, piece.data(), piece.size());
      to += piece.size();
    }
    ends[i] = static_cast<int32_t>(to - bytes);
  }
  evaluation.finishText(node, bytes, valid);
}

}  // namespace

Node::Loop lengthLoop() { return length; }

Node::Loop searchLoop(Search place) {
  if (place == Search::Anywhere) return search<Search::Anywhere>;
  return place == Search::AtStart ? search<Search::AtStart> : search<Search::AtEnd>;
}

Node::Loop trimLoop(bool atStart, bool atEnd) {
  if (atStart) return atEnd ? trim<true, true> : trim<true, false>;
  return trim<false, true>;
}

Node::Loop substringLoop() { return substring; }
Node::Loop concatLoop() { return concat; }

}  // namespace sabot::expression
