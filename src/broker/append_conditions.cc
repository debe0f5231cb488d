#include "broker/append_conditions.h"

namespace millrace::broker {

std::optional<storage::AppendCondition> append_condition(
    const protocol::ProduceRequest::PartitionProduceData& data) {
    if (data.expected_end_offset == -1 && data.expected_key_offsets.empty()) return {};
    storage::AppendCondition condition{.expected_end = data.expected_end_offset};
    condition.expected_keys.reserve(data.expected_key_offsets.size());
    for (const auto& key : data.expected_key_offsets)
        condition.expected_keys.push_back({key.record_index, key.expected_offset});
    return condition;
}

void report(const storage::AppendCondition& condition, const protocol::AppendError& error,
            protocol::ProduceResponse::PartitionProduceResponse& out) {
    if (error.code == ErrorCode::invalid_request || error.code == ErrorCode::key_index_disabled)
        out.error_message.emplace(error.detail);
    if (error.code != ErrorCode::append_condition_failed) return;
    out.actual_end_offset = condition.actual_end;
    out.actual_key_offsets.reserve(condition.actual_keys.size());
    for (const auto& key : condition.actual_keys) {
        auto& actual = out.actual_key_offsets.emplace_back();
        actual.record_index = key.record_index;
        actual.actual_offset = key.offset;
        actual.pending_offset = key.pending;
    }
    out.error_message.emplace(condition.failure());
}

}  // namespace millrace::broker
