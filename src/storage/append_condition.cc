#include "storage/append_condition.h"

#include <fmt/format.h>

#include <algorithm>

#include "storage/log_keys.h"
#include "storage/log_state.h"

namespace millrace::storage {
namespace {

Result<void> check_sense(AppendCondition& condition, int32_t records) {
    auto& keys = condition.expected_keys;
    if (condition.expected_end < -1)
        return fail(ErrorCode::invalid_request, "an expected end offset below -1");
    if (keys.size() > kExpectedKeysMax)
        return fail(ErrorCode::invalid_request, "too many conditions on keys");
    std::ranges::sort(keys, {}, &ExpectedKey::record_index);
    for (size_t i = 0; i < keys.size(); ++i) {
        const ExpectedKey& key = keys[i];
        if (key.record_index < 0 || key.record_index >= records)
            return fail(ErrorCode::invalid_request,
                        fmt::format("a condition on record {} of {}", key.record_index, records));
        if (i > 0 && keys[i - 1].record_index == key.record_index)
            return fail(ErrorCode::invalid_request,
                        fmt::format("two conditions on record {}", key.record_index));
        if (key.offset < kNoRecord)
            return fail(ErrorCode::invalid_request, "an expected offset of a key below -1");
    }
    return {};
}

}  // namespace

std::string AppendCondition::failure() const {
    std::string text;
    if (actual_end >= 0)
        text = fmt::format("the log ends at {}, not at {}", actual_end, expected_end);
    if (!actual_keys.empty())
        text += fmt::format("{}{} of {} keys are not as expected", text.empty() ? "" : "; ",
                            actual_keys.size(), expected_keys.size());
    return text;
}

// `expected_keys` is sorted.
Result<void> Log::State::judge_keys(AppendCondition& condition, protocol::BatchView batch) const {
    if (!config.key_index)
        return fail(ErrorCode::key_index_disabled,
                    "conditions on keys need millrace.key.index.enable");
    if (!knows_keys()) return fail(ErrorCode::would_block, "not all keys are known yet");
    const ProducerId own = batch.is_transactional() ? batch.producer_id() : -1;
    auto expected = condition.expected_keys.begin();
    int32_t index = 0;
    std::vector<uint8_t> scratch;
    return protocol::for_each_record(batch, scratch, [&](const protocol::RecordView& record) {
        if (expected == condition.expected_keys.end() || expected->record_index != index++)
            return Result<void>{};
        if (!record.key)
            return Result<void>{fail(
                ErrorCode::invalid_request,
                fmt::format("a condition on record {}, which has no key", expected->record_index))};
        const auto last = keys->index.find(*record.key, start, own);
        if (last.pending >= 0 || last.offset != expected->offset)
            condition.actual_keys.push_back({expected->record_index, last.offset, last.pending});
        ++expected;
        return Result<void>{};
    });
}

Result<void> Log::State::judge(AppendCondition& condition, protocol::BatchView batch) {
    condition.actual_end = -1;
    condition.actual_keys.clear();
    TRY_OK(check_sense(condition, batch.record_count()));
    if (condition.expected_end >= 0 && condition.expected_end != end) condition.actual_end = end;
    if (!condition.expected_keys.empty()) TRY_OK(judge_keys(condition, batch));
    if (condition.actual_end < 0 && condition.actual_keys.empty()) return {};
    return fail(ErrorCode::append_condition_failed, condition.failure());
}

}  // namespace millrace::storage
