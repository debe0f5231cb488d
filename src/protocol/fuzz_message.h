// What the message fuzzers check of one body: whatever decodes can be printed and encoded, and what
// was encoded decodes to the same again. Only included by *_fuzz.cc.
#pragma once

#include "base/check.h"
#include "protocol/catalog.h"

namespace millrace::protocol {

inline void fuzz_message(const MessageInfo& message, int16_t version, ByteView body) {
    auto once = message.recode(body, version);
    if (!once.has_value()) {
        INVARIANT(once.code() == ErrorCode::malformed ||
                  once.code() == ErrorCode::unsupported_version);
        return;
    }
    auto twice = message.recode(*once, version);
    INVARIANT(twice.has_value() && *twice == *once);
    auto json = message.json(body, version, Secrets::shown);
    auto same = message.json(*once, version, Secrets::shown);
    INVARIANT(json.has_value() && same.has_value() && *json == *same);
}

}  // namespace millrace::protocol
