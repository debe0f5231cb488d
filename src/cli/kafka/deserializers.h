// Kafka's built-in deserializers, by the names of their classes: what the text of the object is that
// Java makes of a key, a value or a header. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace millrace::cli::kafka {

// Appends the text of `bytes` to `out`. Errors: invalid_request, with Kafka's sentence.
using Deserializer = Result<void> (*)(ByteView bytes, std::string& out);

// By the name of the class, "org.apache.kafka.common.serialization.LongDeserializer". Null: it is
// none of Kafka's own.
Deserializer find_deserializer(std::string_view class_name);

// As Java writes floating-point numbers: "1.0", "1.0E10", "NaN", "-Infinity".
std::string java_number(double value);
std::string java_number(float value);

}  // namespace millrace::cli::kafka
