// Bytes as text (RFC 4648), as Kafka's tools take and show secrets. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::cli {

std::string encode_base64(std::string_view bytes);
// With or without padding. invalid_request in the words of Kafka's tools.
Result<std::string> decode_base64(std::string_view text);

}  // namespace millrace::cli
