// JSON documents -> columns.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "sabot.h"

namespace sabot {

// One object a document; its keys are columns. One walk over the bytes checks the whole document, columns or not, and
// writes values into the columns as it meets them. What it does not look up is what it met last time: the key that
// comes next is compared with the one that came next in the document before.
//
//   missing key, null      null
//   unknown key            checked and passed over
//   key twice              the last one counts
//   DECODE                 not JSON (json_reader.h says where that differs from JSON.parse), or not an object; an empty
//                          value and a document `null` too. A null value (tombstone) is a row of nulls.
//   SCHEMA                 a value that does not fit its column
//
// What fits, exactly as src/batch/builder.ts has it where JSON.parse does not lose it already:
//   int8 .. uint64     numbers without a fraction: 7, 7.0, 7e2
//   float32, float64   numbers, rounded once; too large for the type is an error (JSON.parse: Infinity)
//   decimal(p,s)       numbers and strings, by their digits; more of them than the type has is an error
//   timestamp, date    ISO 8601 strings (numbers.h), cut to the unit; integers, in that unit
//   bool               true, false
//   utf8               strings; any other value as its own JSON text
//   binary             strings of base64 with padding
//   list, struct       arrays, objects
Status makeJsonDecoder(const std::vector<ColumnSpec>& columns, std::shared_ptr<const Predicate> predicate,
                       const DecodeLimits& limits, std::unique_ptr<Decoder>& out);

}  // namespace sabot
