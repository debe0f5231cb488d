// The errors in an answer, wherever the message has them: of the whole, of one of many.
#pragma once

#include <algorithm>

#include "base/error_code.h"

namespace millrace::client {

// Whether `is_it` holds for one of them.
template <typename Body, typename IsIt>
bool has_error(const Body& body, const IsIt& is_it) {
    if constexpr (requires { body.error_code; })
        if (is_it(static_cast<ErrorCode>(body.error_code))) return true;
    [[maybe_unused]] const auto in = [&](const auto& parts) {
        return std::ranges::any_of(parts, [&](const auto& part) { return has_error(part, is_it); });
    };
    if constexpr (requires { body.topics.begin(); })
        if (in(body.topics)) return true;
    if constexpr (requires { body.partitions.begin(); })
        if (in(body.partitions)) return true;
    if constexpr (requires { body.results.begin(); })
        if (in(body.results)) return true;
    if constexpr (requires { body.responses.begin(); })
        if (in(body.responses)) return true;
    if constexpr (requires { body.entries.begin(); })
        if (in(body.entries)) return true;
    return false;
}

}  // namespace millrace::client
