// The cases' names of byte formats, as serdes.
#pragma once

#include "streams/serde.h"
#include "value.h"

namespace millrace::difftest {

// `string`, `long`, `int`, `json`, `hex`, {"windowed": …}; none for null. CaseError for another.
streams::Serde<Value> serde_of(const Json& spec);
streams::Serde<Value> serde_named(std::string_view name);

std::string hex_of(streams::BytesView bytes);
// IllegalArgumentException for what is not hexadecimal.
streams::Bytes bytes_of_hex(std::string_view hex);

}  // namespace millrace::difftest
