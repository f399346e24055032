// The literals of an expression: their wire form, and what they stand for beside values of a type.
#pragma once

#include "expression.h"

namespace sabot::expression {

// Types that operators treat alike, as src/expr/rules.ts has them.
enum class Family : uint8_t { Int, Float, Text, Bytes, Bool, Time, Decimal, Nested };

Family familyOf(TypeId id);

constexpr const char* kLiteralForm =
    "a literal: null, {\"i\": \"64-bit digits\"}, {\"f\": number}, {\"s\": string} or {\"b\": bool}";

// False: not of that form.
bool parseLiteral(const simdjson::dom::element& value, Literal& out);

// These make the node of a literal one of another kind. False: it stands for no value of it.

// A number, where it is one of the kind exactly.
bool becomes(Node& node, Kind kind);
// A text that is a number, as a decimal of as few places as it has.
bool becomesDecimal(Node& node, int& scale);
// What it stands for in a choice between values of the type: an integer beside floats is the nearest. Null as well.
bool becomesValue(Node& node, const Type& type);

}  // namespace sabot::expression
