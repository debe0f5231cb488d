// Append on condition: from and to the fields of Produce that only Millrace has
// (docs/conditional-append.md).
#pragma once

#include <optional>

#include "protocol/messages/produce.h"
#include "protocol/record_batch_validator.h"
#include "storage/append_condition.h"

namespace millrace::broker {

// The version of the feature, as ApiVersions tells it.
constexpr int16_t kAppendConditionVersion = 1;

// None when the client sent no condition for this partition.
std::optional<storage::AppendCondition> append_condition(
    const protocol::ProduceRequest::PartitionProduceData& data);

// What a refused append with conditions tells besides its code: what those that failed found instead,
// or a sentence on what is wrong with them.
void report(const storage::AppendCondition& condition, const protocol::AppendError& error,
            protocol::ProduceResponse::PartitionProduceResponse& out);

}  // namespace millrace::broker
