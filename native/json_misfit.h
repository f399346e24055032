#pragma once

#include <string>
#include <string_view>

#include "sabot.h"

namespace sabot {

// "column items[].price: expected int64, found 12.5; the schema type "float64" would accept it". `found` is JSON.
std::string misfitMessage(std::string_view path, const Type& expected, std::string_view found);

}  // namespace sabot
