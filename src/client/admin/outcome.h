// What became of what an administrator asked for.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "protocol/str.h"

namespace millrace::client {

// An error number of an answer, with what the broker said about it.
inline Error said_error(int16_t code, const std::optional<protocol::Str>& message = {}) {
    return {static_cast<ErrorCode>(code), message ? message->str() : std::string{}};
}

// What became of one thing.
struct Outcome {
    std::string name;
    Error error{ErrorCode::none, {}};
};

}  // namespace millrace::client
