// Every message by name, for code that does not know at compile time which one it has: dump tools,
// tests, fuzzers.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/codec.h"
#include "protocol/json.h"

namespace millrace::protocol {

enum class MessageKind { request, response, record, remote_log_record, key, value, header, data };

struct MessageInfo {
    std::string_view name;
    MessageKind kind;
    int16_t key;  // api key or record type, -1 for headers and data
    int16_t version_min;
    int16_t version_max;
    int16_t flexible_from;
    Result<std::string> (*json)(ByteView body, int16_t version, Secrets secrets);
    // Decodes and encodes again: the same bytes, without unknown tagged fields and what follows the
    // message.
    Result<std::vector<uint8_t>> (*recode)(ByteView body, int16_t version);
};

// In the order of the schema files.
std::span<const MessageInfo* const> all_messages();
// nullptr when there is none.
const MessageInfo* find_message(std::string_view name);
const MessageInfo* find_message(MessageKind kind, int16_t key);

// Not for use outside the generated sources.
template <typename M>
constexpr MessageInfo make_message_info(MessageKind kind, int16_t key) {
    return {M::kName,
            kind,
            key,
            M::kVersionMin,
            M::kVersionMax,
            M::kFlexibleFrom,
            [](ByteView body, int16_t version, Secrets secrets) -> Result<std::string> {
                TRY(const M m, decode<M>(body, version));
                return to_json(m, version, secrets);
            },
            [](ByteView body, int16_t version) -> Result<std::vector<uint8_t>> {
                TRY(const M m, decode<M>(body, version));
                return encode_to_bytes(m, version);
            }};
}

}  // namespace millrace::protocol
