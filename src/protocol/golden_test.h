// The golden vectors of tests/data/golden: bytes and JSON that Apache Kafka 4.3.1's own code wrote.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace millrace::protocol::golden {

// One body of one message. `kind` is how it was filled: default, full, nulls, empty, extreme,
// random1, random2, or unknown (as full, with tagged fields that no schema knows in every struct).
struct Vector {
    std::string message;
    int16_t version;
    std::string kind;
    std::vector<uint8_t> body;
    // As it stands in a record or in a byte field; empty when it never does.
    std::vector<uint8_t> framed;
    std::string json;
};
const std::vector<Vector>& vectors();

// A request and a response frame with default bodies.
struct Frames {
    std::string api;
    int16_t key;
    int16_t version;
    int32_t correlation_id;
    int16_t request_header;
    int16_t response_header;
    std::string client_id;  // "null", or in quotes
    std::vector<uint8_t> request;
    std::vector<uint8_t> response;
};
const std::vector<Frames>& frames();

// Whether two JSON texts mean the same: members of objects in any order. Explains a difference in
// `why`.
bool same_json(std::string_view a, std::string_view b, std::string& why);

}  // namespace millrace::protocol::golden
