#include "base64.h"

#include <array>
#include <cstdint>

namespace sabot {

namespace {

constexpr uint8_t bad = 0xFF;

constexpr std::array<uint8_t, 256> makeValues() {
  std::array<uint8_t, 256> values{};
  for (auto& value : values) value = bad;
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (size_t i = 0; i < digits.size(); ++i) values[static_cast<uint8_t>(digits[i])] = static_cast<uint8_t>(i);
  return values;
}
constexpr auto values = makeValues();

}  // namespace

bool fromBase64(std::string_view text, Buffer& out) {
  if (text.size() % 4 != 0) return false;
  if (text.empty()) return true;
  const size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  uint8_t* to = out.reserve(text.size() / 4 * 3);
  for (size_t i = 0; i < text.size(); i += 4) {
    const size_t digits = i + 4 == text.size() ? 4 - padding : 4;
    uint32_t group = 0;
    for (size_t k = 0; k < 4; ++k) {
      const uint8_t value = k < digits ? values[static_cast<uint8_t>(text[i + k])] : uint8_t{0};
      if (value == bad) return false;
      group = group << 6 | value;
    }
    // What the padding cuts off is zero: one text for each value.
    if (digits < 4 && (group & (digits == 2 ? 0xFFFFu : 0xFFu)) != 0) return false;
    *to++ = static_cast<uint8_t>(group >> 16);
    if (digits > 2) *to++ = static_cast<uint8_t>(group >> 8);
    if (digits > 3) *to++ = static_cast<uint8_t>(group);
  }
  out.grown(text.size() / 4 * 3 - padding);
  return true;
}

}  // namespace sabot
