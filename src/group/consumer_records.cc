#include "group/consumer_records.h"

#include "coordinator/typed_record.h"
#include "protocol/group_records.h"

namespace millrace::group {

using coordinator::decode_value;
using coordinator::make_record;
using coordinator::make_tombstone;
namespace {

using protocol::Str;
using AssignmentValue = protocol::ConsumerGroupCurrentMemberAssignmentValue;
using MemberValue = protocol::ConsumerGroupMemberMetadataValue;
using TargetValue = protocol::ConsumerGroupTargetAssignmentMemberValue;

template <typename Key>
Key group_key(std::string_view group) {
    Key key;
    key.group_id = Str::borrow(group);
    return key;
}
template <typename Key>
Key member_key(std::string_view group, std::string_view member) {
    Key key = group_key<Key>(group);
    key.member_id = Str::borrow(member);
    return key;
}
protocol::ConsumerGroupRegularExpressionKey regex_key(std::string_view group,
                                                      std::string_view regex) {
    auto key = group_key<protocol::ConsumerGroupRegularExpressionKey>(group);
    key.regular_expression = Str::borrow(regex);
    return key;
}

std::optional<Str> borrow(const std::optional<std::string>& s) {
    if (!s) return std::nullopt;
    return Str::borrow(*s);
}
std::optional<std::string> own(const std::optional<Str>& s) {
    if (!s) return std::nullopt;
    return s->str();
}

MemberValue member_value(const ConsumerMember& member) {
    MemberValue value;
    value.instance_id = borrow(member.instance_id);
    value.rack_id = borrow(member.rack_id);
    value.client_id = Str::borrow(member.client_id);
    value.client_host = Str::borrow(member.client_host);
    for (const std::string& topic : member.topics)
        value.subscribed_topic_names.push_back(Str::borrow(topic));
    value.subscribed_topic_regex = Str::borrow(member.regex);
    value.rebalance_timeout_ms = member.rebalance_timeout_ms;
    value.server_assignor = borrow(member.server_assignor);
    value.classic_member_metadata.reset();
    if (member.classic) {
        auto& classic = value.classic_member_metadata.emplace();
        classic.session_timeout_ms = member.classic->session_timeout_ms;
        for (const auto& protocol : member.classic->protocols)
            classic.supported_protocols.push_back(
                {Str::borrow(protocol.name), protocol::Blob::borrow(protocol.metadata)});
    }
    return value;
}

ConsumerMember member_from(std::string_view id, const MemberValue& value) {
    ConsumerMember member{.id = std::string{id}};
    member.instance_id = own(value.instance_id);
    member.rack_id = own(value.rack_id);
    member.client_id = value.client_id.str();
    member.client_host = value.client_host.str();
    for (const Str& topic : value.subscribed_topic_names) member.topics.insert(topic.str());
    if (value.subscribed_topic_regex) member.regex = value.subscribed_topic_regex->str();
    member.rebalance_timeout_ms = value.rebalance_timeout_ms;
    member.server_assignor = own(value.server_assignor);
    if (value.classic_member_metadata) {
        ClassicMemberData& classic = member.classic.emplace();
        classic.session_timeout_ms = value.classic_member_metadata->session_timeout_ms;
        for (const auto& protocol : value.classic_member_metadata->supported_protocols) {
            ByteView metadata = protocol.metadata;
            classic.protocols.push_back({protocol.name.str(), {metadata.begin(), metadata.end()}});
        }
    }
    return member;
}

std::vector<AssignmentValue::TopicPartitions> with_epochs(const ConsumerMember& member,
                                                          const TopicPartitions& partitions) {
    std::vector<AssignmentValue::TopicPartitions> out;
    for (const auto& [topic, list] : partitions) {
        auto& entry = out.emplace_back();
        entry.topic_id = topic;
        entry.partitions = list;
        entry.assignment_epochs.emplace();
        for (PartitionIndex partition : list) {
            auto at = member.assignment_epochs.find({topic, partition});
            // Stored by a Kafka without epochs: as good as assigned in the epoch the member is in.
            entry.assignment_epochs->push_back(at == member.assignment_epochs.end() ? member.epoch
                                                                                    : at->second);
        }
    }
    return out;
}

void read_partitions(const std::vector<AssignmentValue::TopicPartitions>& from, TopicPartitions& to,
                     ConsumerMember& member) {
    for (const auto& entry : from) {
        if (entry.partitions.empty()) continue;
        std::vector<PartitionIndex>& list = to[entry.topic_id];
        list.insert(list.end(), entry.partitions.begin(), entry.partitions.end());
        normalize(list);
        if (!entry.assignment_epochs || entry.assignment_epochs->size() != entry.partitions.size())
            continue;
        for (size_t i = 0; i < entry.partitions.size(); i++)
            member.assignment_epochs[{entry.topic_id, entry.partitions[i]}] =
                (*entry.assignment_epochs)[i];
    }
}

AssignmentValue assignment_value(const ConsumerMember& member) {
    AssignmentValue value;
    value.member_epoch = member.epoch;
    value.previous_member_epoch = member.previous_epoch;
    value.state = static_cast<int8_t>(member.state);
    value.assigned_partitions = with_epochs(member, member.assigned);
    value.partitions_pending_revocation = with_epochs(member, member.revoking);
    return value;
}

Result<ConsumerMember> assignment_from(std::string_view id, const AssignmentValue& value) {
    ConsumerMember member{.id = std::string{id}};
    member.epoch = value.member_epoch;
    member.previous_epoch = value.previous_member_epoch;
    if (value.state < 0 || value.state > 2)
        return fail(ErrorCode::malformed, "unknown member state");
    member.state = static_cast<MemberState>(value.state);
    read_partitions(value.assigned_partitions, member.assigned, member);
    read_partitions(value.partitions_pending_revocation, member.revoking, member);
    return member;
}

}  // namespace

void GroupChange::set_epoch(int32_t epoch, int64_t metadata_hash) {
    edit().set_epoch(epoch, metadata_hash);
    protocol::ConsumerGroupMetadataValue value;
    value.epoch = epoch;
    value.metadata_hash = metadata_hash;
    records_.push_back(
        make_record(group_key<protocol::ConsumerGroupMetadataKey>(group().id()), value, 0));
}

void GroupChange::set_assignment_epoch(int32_t epoch, TimestampMs timestamp) {
    edit().set_assignment_epoch(epoch, timestamp);
    protocol::ConsumerGroupTargetAssignmentMetadataValue value;
    value.assignment_epoch = epoch;
    value.assignment_timestamp = timestamp;
    records_.push_back(make_record(
        group_key<protocol::ConsumerGroupTargetAssignmentMetadataKey>(group().id()), value, 0));
}

void GroupChange::set_member_metadata(const ConsumerMember& member) {
    edit().set_member_metadata(member);
    records_.push_back(
        make_record(member_key<protocol::ConsumerGroupMemberMetadataKey>(group().id(), member.id),
                    member_value(member), 0));
}

void GroupChange::set_member_assignment(const ConsumerMember& member) {
    edit().set_member_assignment(member);
    records_.push_back(make_record(
        member_key<protocol::ConsumerGroupCurrentMemberAssignmentKey>(group().id(), member.id),
        assignment_value(member), 0));
}

void GroupChange::set_target(const std::string& member_id, const TopicPartitions& target) {
    edit().set_target(member_id, target);
    TargetValue value;
    for (const auto& [topic, partitions] : target)
        value.topic_partitions.push_back({topic, partitions});
    records_.push_back(make_record(
        member_key<protocol::ConsumerGroupTargetAssignmentMemberKey>(group().id(), member_id),
        value, 0));
}

void GroupChange::set_regex(const std::string& regex, const ResolvedRegex& resolved) {
    edit().set_regex(regex, resolved);
    protocol::ConsumerGroupRegularExpressionValue value;
    for (const std::string& topic : resolved.topics) value.topics.push_back(Str::borrow(topic));
    value.version = resolved.version;
    value.timestamp = resolved.timestamp;
    records_.push_back(make_record(regex_key(group().id(), regex), value, 0));
}

void GroupChange::remove_member(const std::string& id) {
    std::string_view group_id = group().id();
    records_.push_back(make_tombstone(
        member_key<protocol::ConsumerGroupCurrentMemberAssignmentKey>(group_id, id)));
    records_.push_back(
        make_tombstone(member_key<protocol::ConsumerGroupTargetAssignmentMemberKey>(group_id, id)));
    records_.push_back(
        make_tombstone(member_key<protocol::ConsumerGroupMemberMetadataKey>(group_id, id)));
    edit().remove_target(id);
    edit().remove_member(id);
}

void GroupChange::remove_regex(const std::string& regex) {
    edit().remove_regex(regex);
    records_.push_back(make_tombstone(regex_key(group().id(), regex)));
}

void GroupChange::remove_group() {
    std::vector<std::string> members;
    std::vector<std::string> regexes;
    for (const auto& [id, member] : group().members()) members.push_back(id);
    for (const auto& [regex, resolved] : group().regexes()) regexes.push_back(regex);
    for (const std::string& id : members) remove_member(id);
    for (const std::string& regex : regexes) remove_regex(regex);
    std::string_view id = group().id();
    records_.push_back(
        make_tombstone(group_key<protocol::ConsumerGroupTargetAssignmentMetadataKey>(id)));
    // Older Kafka kept the metadata of the topics here.
    records_.push_back(make_tombstone(group_key<protocol::ConsumerGroupPartitionMetadataKey>(id)));
    records_.push_back(make_tombstone(group_key<protocol::ConsumerGroupMetadataKey>(id)));
}

Result<std::string> consumer_record_group(int16_t type, ByteView key) {
    // All these keys start with the group id.
    switch (type) {
        case 3:
        case 4:
        case 5:
        case 6:
        case 7:
        case 8:
        case 16: {
            TRY(auto decoded,
                protocol::decode<protocol::ConsumerGroupMetadataKey>(key.subspan(2), 0));
            return decoded.group_id.str();
        }
        default:
            return fail(ErrorCode::malformed, "not a record of a consumer group");
    }
}

namespace {

using coordinator::RecordView;

Result<void> apply_member(ConsumerGroup& group, const RecordView& record) {
    TRY(auto key,
        protocol::decode<protocol::ConsumerGroupMemberMetadataKey>(record.key.subspan(2), 0));
    if (!record.value) {
        group.remove_member(key.member_id.view());
        return {};
    }
    TRY(auto value, decode_value<MemberValue>(*record.value));
    group.set_member_metadata(member_from(key.member_id, value));
    return {};
}

Result<void> apply_target(ConsumerGroup& group, const RecordView& record) {
    TRY(auto key, protocol::decode<protocol::ConsumerGroupTargetAssignmentMemberKey>(
                      record.key.subspan(2), 0));
    if (!record.value) {
        group.remove_target(key.member_id.view());
        return {};
    }
    TRY(auto value, decode_value<TargetValue>(*record.value));
    TopicPartitions target;
    for (const auto& topic : value.topic_partitions) {
        if (topic.partitions.empty()) continue;
        target[topic.topic_id] = topic.partitions;
        normalize(target[topic.topic_id]);
    }
    group.set_target(key.member_id.str(), std::move(target));
    return {};
}

Result<void> apply_assignment(ConsumerGroup& group, const RecordView& record) {
    TRY(auto key, protocol::decode<protocol::ConsumerGroupCurrentMemberAssignmentKey>(
                      record.key.subspan(2), 0));
    if (!record.value) {
        group.remove_member_assignment(key.member_id.view());
        return {};
    }
    TRY(auto value, decode_value<AssignmentValue>(*record.value));
    TRY(auto member, assignment_from(key.member_id, value));
    group.set_member_assignment(member);
    return {};
}

Result<void> apply_regex(ConsumerGroup& group, const RecordView& record) {
    TRY(auto key,
        protocol::decode<protocol::ConsumerGroupRegularExpressionKey>(record.key.subspan(2), 0));
    if (!record.value) {
        group.remove_regex(key.regular_expression.view());
        return {};
    }
    TRY(auto value, decode_value<protocol::ConsumerGroupRegularExpressionValue>(*record.value));
    ResolvedRegex resolved{.version = value.version, .timestamp = value.timestamp};
    for (const Str& topic : value.topics) resolved.topics.insert(topic.str());
    group.set_regex(key.regular_expression.str(), std::move(resolved));
    return {};
}

}  // namespace

Result<bool> apply_consumer_record(ConsumerGroup& group, int16_t type, const RecordView& record) {
    switch (type) {
        case protocol::ConsumerGroupMetadataKey::kRecordKey: {
            if (!record.value) return true;
            TRY(auto value, decode_value<protocol::ConsumerGroupMetadataValue>(*record.value));
            group.set_epoch(value.epoch, value.metadata_hash);
            break;
        }
        case protocol::ConsumerGroupTargetAssignmentMetadataKey::kRecordKey: {
            if (!record.value) {
                group.set_assignment_epoch(kLeaveEpoch, 0);
                break;
            }
            TRY(auto value,
                decode_value<protocol::ConsumerGroupTargetAssignmentMetadataValue>(*record.value));
            group.set_assignment_epoch(value.assignment_epoch, value.assignment_timestamp);
            break;
        }
        case protocol::ConsumerGroupMemberMetadataKey::kRecordKey:
            TRY_OK(apply_member(group, record));
            break;
        case protocol::ConsumerGroupTargetAssignmentMemberKey::kRecordKey:
            TRY_OK(apply_target(group, record));
            break;
        case protocol::ConsumerGroupCurrentMemberAssignmentKey::kRecordKey:
            TRY_OK(apply_assignment(group, record));
            break;
        case protocol::ConsumerGroupRegularExpressionKey::kRecordKey:
            TRY_OK(apply_regex(group, record));
            break;
        default:
            break;  // type 4 is no longer written, and nothing is kept from it
    }
    return false;
}

}  // namespace millrace::group
