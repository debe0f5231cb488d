// The bytes that a foreign-key join sends between its tables. Kafka: SubscriptionWrapper,
// SubscriptionResponseWrapper, CombinedKeySchema, Murmur3.
#pragma once

#include <array>
#include <optional>

#include "base/units.h"
#include "streams/core/bytes.h"

namespace millrace::streams::ops {

// Of a left value: a response whose hash is not that of the value by now is out of date.
using ValueHash = std::array<char, 16>;
// Murmur3 x64 128 with the seed 104729.
ValueHash hash_of(BytesView bytes);

// What the left table asks of the right one's task.
enum class Instruction : uint8_t {
    unsubscribe = 0,
    unsubscribe_and_answer = 1,
    subscribe_and_answer = 2,
    subscribe_and_answer_if_present = 3,
};
// Kafka's name, e.g. DELETE_KEY_NO_PROPAGATE.
std::string_view name_of(Instruction instruction);

// version 1 (with the top bit: no hash) · instruction · hash (16) · left key · left partition (4).
struct Subscription {
    std::optional<ValueHash> hash;  // none: the left value is gone
    Instruction instruction = Instruction::unsubscribe;
    Bytes left_key;
    PartitionIndex left_partition = 0;
};
Bytes encode_subscription(const Subscription& subscription);
// SerializationException for bytes that are none, or of a newer version.
Subscription decode_subscription(BytesView bytes);

// version 0 (with the top bit: no hash) · hash (16) · right value, or nothing for null.
struct Response {
    std::optional<ValueHash> hash;
    NullableBytes right_value;
};
Bytes encode_response(const Response& response);
Response decode_response(BytesView bytes);

// length of the foreign key (4) · foreign key · left key; without the last: the prefix.
Bytes subscription_key(BytesView foreign_key, BytesView left_key = {});

}  // namespace millrace::streams::ops
