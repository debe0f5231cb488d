#include "client/classic_protocol.h"

#include <algorithm>

#include "base/check.h"
#include "protocol/codec.h"
#include "protocol/records/consumer_protocol_assignment.h"
#include "protocol/records/consumer_protocol_subscription.h"

namespace millrace::client {
namespace {

using protocol::ConsumerProtocolAssignment;
using protocol::ConsumerProtocolSubscription;

template <typename Body>
std::vector<uint8_t> with_version(const Body& body) {
    const auto encoded = protocol::encode_to_bytes(body, Body::kVersionMax);
    INVARIANT(encoded.has_value());
    std::vector<uint8_t> out(2);
    store_be(out.data(), Body::kVersionMax);
    out.insert(out.end(), encoded->begin(), encoded->end());
    return out;
}

// Versions to come begin with what this one has.
template <typename Body>
Result<Body> after_version(ByteView bytes) {
    if (bytes.size() < 2) return fail(ErrorCode::malformed, "no version");
    const auto version = load_be<int16_t>(bytes.data());
    if (version < 0) return fail(ErrorCode::malformed, "a negative version");
    return protocol::decode<Body>(bytes.subspan(2), std::min(version, Body::kVersionMax));
}

void put(std::span<const TopicPartition> partitions, auto& topics) {
    std::map<std::string_view, std::vector<int32_t>> by_topic;
    for (const TopicPartition& p : partitions) by_topic[p.topic].push_back(p.partition);
    for (auto& [name, indexes] : by_topic) {
        auto& topic = topics.emplace_back();
        topic.topic = name;
        topic.partitions = std::move(indexes);
    }
}

std::vector<TopicPartition> take(const auto& topics) {
    std::vector<TopicPartition> out;
    for (const auto& topic : topics)
        for (const int32_t index : topic.partitions) out.push_back({topic.topic.str(), index});
    return out;
}

}  // namespace

std::vector<uint8_t> encode_subscription(const GroupMember& member) {
    ConsumerProtocolSubscription body;
    for (const std::string& topic : member.topics) body.topics.emplace_back(topic);
    if (!member.user_data.empty()) body.user_data = protocol::Blob(member.user_data);
    put(member.owned, body.owned_partitions);
    body.generation_id = member.generation;
    if (member.rack) body.rack_id = protocol::Str(*member.rack);
    return with_version(body);
}

Result<GroupMember> decode_subscription(ByteView bytes) {
    TRY(const auto body, after_version<ConsumerProtocolSubscription>(bytes));
    GroupMember out;
    for (const auto& topic : body.topics) out.topics.push_back(topic.str());
    if (body.user_data)
        out.user_data.assign(body.user_data->view().begin(), body.user_data->view().end());
    out.owned = take(body.owned_partitions);
    out.generation = body.generation_id;
    if (body.rack_id) out.rack = body.rack_id->str();
    return out;
}

std::vector<uint8_t> encode_assignment(std::span<const TopicPartition> partitions) {
    ConsumerProtocolAssignment body;
    put(partitions, body.assigned_partitions);
    return with_version(body);
}

Result<std::vector<TopicPartition>> decode_assignment(ByteView bytes) {
    if (bytes.empty()) return std::vector<TopicPartition>{};
    TRY(const auto body, after_version<ConsumerProtocolAssignment>(bytes));
    return take(body.assigned_partitions);
}

AssignableTopics assignable_topics(std::span<const GroupMember> members, const Metadata& metadata) {
    const bool racks =
        std::ranges::any_of(members, [](const GroupMember& m) { return m.rack.has_value(); });
    AssignableTopics out;
    for (const GroupMember& m : members) {
        for (const std::string& name : m.topics) {
            const TopicPtr topic = metadata.topic(name);
            if (!topic || out.contains(name)) continue;
            AssignableTopic& known = out[name];
            known.partitions = static_cast<int32_t>(topic->partitions.size());
            if (!racks) continue;
            for (const PartitionInfo& partition : topic->partitions) {
                auto& on = known.racks.emplace_back();
                for (const NodeId replica : partition.replicas) {
                    const auto broker = metadata.brokers().find(replica);
                    if (broker != metadata.brokers().end() && !broker->second.rack.empty())
                        on.push_back(broker->second.rack);
                }
            }
        }
    }
    return out;
}

}  // namespace millrace::client
