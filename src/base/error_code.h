// Every way an operation can fail, named once: Kafka's protocol errors with their wire numbers, ours
// for clients that use what Kafka does not have (9000 and up), and the node's own (10000 and up),
// which never leave it. `schema/errors.def` is the table; this file only turns it into an enum and
// look-ups.
#pragma once

#include <cstdint>
#include <string_view>

namespace millrace {

enum class ErrorCode : int16_t {
#define MILLRACE_ERROR(number, name, wire_name, retriable, text) name = number,
#include "../../schema/errors.def"
#undef MILLRACE_ERROR
};

// Kafka's spelling (`OFFSET_OUT_OF_RANGE`), or `UNKNOWN(n)`'s fixed text for a number that is not
// in the table.
std::string_view error_name(ErrorCode code);
// One sentence for a person, never empty.
std::string_view error_text(ErrorCode code);
// Whether Kafka's clients retry on it.
bool error_retriable(ErrorCode code);
// False for the node's own codes: those must be mapped before a response is encoded.
constexpr bool error_on_wire(ErrorCode code) {
    return static_cast<int16_t>(code) < 10000;
}

}  // namespace millrace
