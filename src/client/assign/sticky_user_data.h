// What members of sticky groups say about their past in the user data of their subscription.
//
//   sticky              array of {string topic, array of int32 partition}, int32 generation.
//                       The oldest clients leave the generation out.
//   cooperative-sticky  int32 generation, for leaders that do not read it from the subscription
//
// Arrays have an int32 count, strings an int16 length; all big-endian. Bytes that follow are left
// unread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "client/assign/sticky_input.h"

namespace millrace::client::assign {

std::vector<uint8_t> encode_claim(std::span<const TopicPartition> partitions, int32_t generation);
// Nothing claimed when the bytes are damaged or empty.
Claim decode_claim(ByteView user_data);

std::vector<uint8_t> encode_generation(int32_t generation);
// Nothing without bytes; kNoGeneration when they are damaged.
std::optional<int32_t> decode_generation(ByteView user_data);

}  // namespace millrace::client::assign
