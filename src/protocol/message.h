// What every generated message header stands on: the field types, and the three operations each
// message has (defined in the generated sources, called through codec.h and json.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/chain.h"
#include "base/uuid.h"
#include "protocol/str.h"

namespace millrace::protocol {

class Decoder;
class Encoder;
class JsonWriter;

// kFlexibleFrom of a message that is never flexible.
constexpr int16_t kNeverFlexible = 32767;

}  // namespace millrace::protocol
