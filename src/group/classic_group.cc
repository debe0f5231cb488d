#include "group/classic_group.h"

#include "base/check.h"
#include "coordinator/typed_record.h"
#include "group/embedded.h"
#include "protocol/records/group_metadata_key.h"
#include "protocol/records/group_metadata_value.h"

namespace millrace::group {

using coordinator::decode_value;
using coordinator::make_record;
using coordinator::make_tombstone;

// The newest version that Kafka 4.3 writes.
constexpr int16_t kGroupMetadataVersion = 3;

std::string_view state_name(ClassicState state) {
    switch (state) {
        case ClassicState::empty:
            return "Empty";
        case ClassicState::preparing_rebalance:
            return "PreparingRebalance";
        case ClassicState::completing_rebalance:
            return "CompletingRebalance";
        case ClassicState::stable:
            return "Stable";
    }
    return "Dead";
}

ByteView ClassicMember::metadata(std::string_view protocol) const {
    auto at = std::ranges::find(protocols, protocol, &ClassicProtocolMetadata::name);
    return at == protocols.end() ? ByteView{} : ByteView{at->metadata};
}

void ClassicGroup::transition(ClassicState to, TimestampMs now) {
    previous_state_ = state_;
    state_ = to;
    state_timestamp_ = now;
}

ClassicMember* ClassicGroup::member(std::string_view id) {
    auto at = members_.find(id);
    return at == members_.end() ? nullptr : &at->second;
}

const ClassicMember* ClassicGroup::member(std::string_view id) const {
    auto at = members_.find(id);
    return at == members_.end() ? nullptr : &at->second;
}

std::optional<std::string> ClassicGroup::static_member(std::string_view instance_id) const {
    auto at = static_members_.find(instance_id);
    if (at == static_members_.end()) return std::nullopt;
    return at->second;
}

size_t ClassicGroup::count_joining() const {
    return static_cast<size_t>(
        std::ranges::count_if(members_, [](const auto& m) { return m.second.join.has_value(); }));
}

void ClassicGroup::add(ClassicMember member, std::string_view protocol_type) {
    if (members_.empty()) protocol_type_ = protocol_type;
    if (!leader_) leader_ = member.id;
    pending.erase(member.id);
    if (member.instance_id) static_members_[*member.instance_id] = member.id;
    std::string id = member.id;
    bool added = members_.try_emplace(std::move(id), std::move(member)).second;
    INVARIANT(added);
}

void ClassicGroup::remove(std::string_view id) {
    auto at = members_.find(id);
    if (at == members_.end()) return;
    INVARIANT(!at->second.join && !at->second.sync);
    if (at->second.instance_id) static_members_.erase(*at->second.instance_id);
    members_.erase(at);
    pending_sync.erase(std::string{id});
    if (is_leader(id))
        leader_ = members_.empty() ? std::nullopt : std::optional{members_.begin()->first};
}

void ClassicGroup::rename(std::string_view from, std::string to) {
    auto node = members_.extract(members_.find(from));
    INVARIANT(!node.empty() && !node.mapped().join && !node.mapped().sync &&
              node.mapped().instance_id);
    node.key() = to;
    node.mapped().id = to;
    static_members_[*node.mapped().instance_id] = to;
    members_.insert(std::move(node));
    if (is_leader(from)) leader_ = to;
    if (pending_sync.erase(std::string{from}) > 0) pending_sync.insert(to);
}

int32_t ClassicGroup::rebalance_timeout_ms() const {
    int32_t most = 0;
    for (const auto& [id, member] : members_) most = std::max(most, member.rebalance_timeout_ms);
    return most;
}

namespace {

// The protocols that all members have, in the order of the first member.
std::vector<std::string_view> common_protocols(
    const std::map<std::string, ClassicMember, std::less<>>& members) {
    std::vector<std::string_view> common;
    if (members.empty()) return common;
    for (const ClassicProtocolMetadata& protocol : members.begin()->second.protocols) {
        bool all = std::ranges::all_of(members, [&](const auto& m) {
            return std::ranges::find(m.second.protocols, protocol.name,
                                     &ClassicProtocolMetadata::name) != m.second.protocols.end();
        });
        if (all) common.push_back(protocol.name);
    }
    return common;
}

bool has(const std::vector<std::string_view>& names, std::string_view name) {
    return std::ranges::find(names, name) != names.end();
}

}  // namespace

bool ClassicGroup::supports(std::string_view type,
                            const std::vector<ClassicProtocolMetadata>& protocols) const {
    if (in(ClassicState::empty)) return !type.empty() && !protocols.empty();
    if (protocol_type_ != type) return false;
    std::vector<std::string_view> common = common_protocols(members_);
    return std::ranges::any_of(protocols, [&](const auto& p) { return has(common, p.name); });
}

std::string ClassicGroup::select_protocol() const {
    std::vector<std::string_view> common = common_protocols(members_);
    INVARIANT(!common.empty());
    std::map<std::string_view, size_t> votes;
    for (const auto& [id, member] : members_)
        for (const ClassicProtocolMetadata& protocol : member.protocols)
            if (has(common, protocol.name)) {
                votes[protocol.name]++;
                break;
            }
    std::string_view best = common.front();
    for (std::string_view name : common)
        if (votes[name] > votes[best]) best = name;
    return std::string{best};
}

bool ClassicGroup::subscribes(std::string_view topic) const {
    return subscribed_topics_ && subscribed_topics_->contains(topic);
}

void ClassicGroup::refresh_subscribed_topics() {
    subscribed_topics_.reset();
    if (!uses_consumer_protocol() || (!members_.empty() && !protocol_)) return;
    std::set<std::string, std::less<>> topics;
    for (const auto& [id, member] : members_) {
        auto subscription = decode_subscription(member.metadata(*protocol_));
        if (!subscription) return;
        for (const protocol::Str& topic : subscription->body.topics) topics.insert(topic.str());
    }
    subscribed_topics_ = std::move(topics);
}

bool ClassicGroup::elect_joined_leader() {
    if (!leader_) return false;
    const ClassicMember* current = member(*leader_);
    if (current && current->join) return true;
    for (const auto& [id, candidate] : members_)
        if (candidate.join) {
            leader_ = id;
            return true;
        }
    return false;
}

void ClassicGroup::next_generation(TimestampMs now) {
    generation_++;
    pending_sync.clear();
    if (members_.empty()) {
        protocol_.reset();
        leader_.reset();
        refresh_subscribed_topics();
        transition(ClassicState::empty, now);
        return;
    }
    protocol_ = select_protocol();
    refresh_subscribed_topics();
    transition(ClassicState::completing_rebalance, now);
}

void ClassicGroup::restore(int32_t generation, std::string protocol, std::string leader) {
    generation_ = generation;
    protocol_ = std::move(protocol);
    leader_ = std::move(leader);
    refresh_subscribed_topics();
}

Record ClassicGroup::to_record(const Assignments* assignments) const {
    protocol::GroupMetadataKey key;
    key.group = protocol::Str::borrow(id_);
    protocol::GroupMetadataValue value;
    value.protocol_type = protocol_type_ ? protocol::Str::borrow(*protocol_type_) : protocol::Str{};
    value.generation = generation_;
    value.protocol.reset();
    value.leader.reset();
    if (protocol_) value.protocol = protocol::Str::borrow(*protocol_);
    if (leader_) value.leader = protocol::Str::borrow(*leader_);
    value.current_state_timestamp = state_timestamp_;
    for (const auto& [id, member] : members_) {
        protocol::GroupMetadataValue::MemberMetadata& out = value.members.emplace_back();
        out.member_id = protocol::Str::borrow(id);
        if (member.instance_id) out.group_instance_id = protocol::Str::borrow(*member.instance_id);
        out.client_id = protocol::Str::borrow(member.client_id);
        out.client_host = protocol::Str::borrow(member.client_host);
        out.rebalance_timeout = member.rebalance_timeout_ms;
        out.session_timeout = member.session_timeout_ms;
        if (protocol_) out.subscription = protocol::Blob::borrow(member.metadata(*protocol_));
        if (!assignments) {
            out.assignment = protocol::Blob::borrow(member.assignment);
        } else if (auto at = assignments->find(id); at != assignments->end()) {
            out.assignment = protocol::Blob::borrow(at->second);
        }
    }
    return make_record(key, value, kGroupMetadataVersion);
}

Record ClassicGroup::tombstone(std::string_view group_id) {
    protocol::GroupMetadataKey key;
    key.group = protocol::Str::borrow(group_id);
    return make_tombstone(key);
}

Result<ClassicGroup> ClassicGroup::from_record(std::string_view group_id, ByteView bytes,
                                               TimestampMs now) {
    TRY(auto value, decode_value<protocol::GroupMetadataValue>(bytes));
    ClassicGroup group{std::string{group_id}, now};
    group.generation_ = value.generation;
    if (!value.protocol_type.empty()) group.protocol_type_ = value.protocol_type.str();
    if (value.protocol) group.protocol_ = value.protocol->str();
    for (const auto& stored : value.members) {
        ClassicMember member;
        member.id = stored.member_id.str();
        if (stored.group_instance_id) member.instance_id = stored.group_instance_id->str();
        member.client_id = stored.client_id.str();
        member.client_host = stored.client_host.str();
        member.session_timeout_ms = stored.session_timeout;
        member.rebalance_timeout_ms =
            stored.rebalance_timeout == -1 ? stored.session_timeout : stored.rebalance_timeout;
        ByteView metadata = stored.subscription;
        if (group.protocol_)
            member.protocols.push_back({*group.protocol_, {metadata.begin(), metadata.end()}});
        ByteView assignment = stored.assignment;
        member.assignment.assign(assignment.begin(), assignment.end());
        if (group.members_.contains(member.id))
            return fail(ErrorCode::malformed, "a member twice in one group record");
        group.add(std::move(member), value.protocol_type);
    }
    group.leader_.reset();
    if (value.leader) group.leader_ = value.leader->str();
    group.transition(group.members_.empty() ? ClassicState::empty : ClassicState::stable,
                     value.current_state_timestamp);
    group.previous_state_ = group.state_;
    group.refresh_subscribed_topics();
    return group;
}

}  // namespace millrace::group
