// The controller's state machine: every request is a pure function
//
//   (state, configuration, random numbers, request) -> (records, response)
//
// The state is the metadata image with everything that was appended, committed or not. Nothing
// changes here: the records do that, when they are applied to the image after they were appended
// (metadata_node.h drives it). All records of one outcome are appended as one batch, so they come
// together or not at all, unless they are tens of thousands.
// An error inside a request (one topic of many) stands in the response, and the records of the
// others stay.
// Kafka: QuorumController, ControllerResult.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error_code.h"
#include "base/random.h"
#include "base/result.h"
#include "base/units.h"
#include "config/broker_config.h"
#include "metadata/image.h"
#include "protocol/metadata_record.h"
#include "protocol/str.h"

namespace millrace::controller {

struct Context {
    const metadata::Image& state;
    const config::BrokerConfig& config;  // with the dynamic overrides of `state`
    Rng& rng;
    NodeId node_id = -1;  // this controller, which is also the only broker
    std::string_view cluster_id;
    Offset next_offset = 0;     // where the first record of the outcome will lie
    int16_t version = 0;        // of the request
    int16_t kraft_version = 0;  // of the quorum
};

using Records = std::vector<protocol::MetadataRecord>;

template <typename Response>
struct Outcome {
    Response response;
    Records records;
};

// Most records that one outcome may have, so that one batch stays small enough for every reader.
// Kafka: 10,000 partitions.
constexpr size_t kPartitionsPerRequestMax = 10'000;

// Fills the code and message that result structs of responses have.
template <typename ResultStruct>
void set_error(ResultStruct& result, const Error& error) {
    result.error_code = static_cast<int16_t>(error.code);
    result.error_message =
        protocol::Str(error.message.empty() ? error_text(error.code) : error.message);
}

}  // namespace millrace::controller
