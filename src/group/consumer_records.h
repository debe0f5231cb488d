// The records of a consumer protocol group, each with the change that it stands for: GroupChange
// makes a change and its record together, apply_consumer_record() makes the change from the record.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "coordinator/record.h"
#include "group/consumer_group.h"

namespace millrace::group {

// A group as it will be once the records so far are committed. The first change copies the group
// (members are shared), so a heartbeat that changes nothing costs nothing.
class GroupChange {
public:
    // `base` must outlive this and not change meanwhile.
    GroupChange(const ConsumerGroup& base, std::vector<coordinator::Record>& records)
        : base_(&base), records_(records) {}

    const ConsumerGroup& group() const { return copy_ ? *copy_ : *base_; }

    void set_epoch(int32_t epoch, int64_t metadata_hash);
    void set_assignment_epoch(int32_t epoch, TimestampMs timestamp);
    void set_member_metadata(const ConsumerMember& member);
    void set_member_assignment(const ConsumerMember& member);
    void set_target(const std::string& member_id, const TopicPartitions& target);
    void set_regex(const std::string& regex, const ResolvedRegex& resolved);
    // Assignment, target and metadata of the member, in this order.
    void remove_member(const std::string& id);
    void remove_regex(const std::string& regex);
    // The whole group: for deletion and for conversion to the classic protocol.
    void remove_group();

private:
    ConsumerGroup& edit() {
        if (!copy_) copy_ = *base_;
        return *copy_;
    }

    const ConsumerGroup* base_;
    std::optional<ConsumerGroup> copy_;
    std::vector<coordinator::Record>& records_;
};

// The group that a key of types 3 to 8 or 16 is about. Errors: malformed.
Result<std::string> consumer_record_group(int16_t type, ByteView key);
// True when the record says that the group is gone. Errors: malformed, unsupported_version.
Result<bool> apply_consumer_record(ConsumerGroup& group, int16_t type,
                                   const coordinator::RecordView& record);

}  // namespace millrace::group
