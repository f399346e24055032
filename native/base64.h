#pragma once

#include <string_view>

#include "columns.h"

namespace sabot {

// Appends what base64 text with padding stands for (RFC 4648, as appendBase64 writes it). False: it is none, and `out`
// may hold a part of it.
bool fromBase64(std::string_view text, Buffer& out);

}  // namespace sabot
