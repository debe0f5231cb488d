#include "controller/brokers.h"

#include <algorithm>
#include <limits>
#include <set>

#include "base/log.h"
#include "controller/placement.h"
#include "metadata/features.h"
#include "metadata/snapshot.h"

namespace millrace::controller {
namespace {

using metadata::BrokerRegistration;
using metadata::Partition;
using metadata::Topic;
using protocol::BrokerRegistrationRequest;
using protocol::PartitionChangeRecord;

constexpr NodeId kNoLeader = -1;

Result<const BrokerRegistration*> check_epoch(const Context& context, NodeId id, int64_t epoch) {
    const BrokerRegistration* broker = context.state.broker(id);
    if (broker == nullptr) return fail(ErrorCode::broker_id_not_registered);
    if (broker->epoch != epoch) return fail(ErrorCode::stale_broker_epoch);
    return broker;
}

PartitionChangeRecord change_of(const Topic& topic, size_t index) {
    PartitionChangeRecord record;
    record.partition_id = static_cast<PartitionIndex>(index);
    record.topic_id = topic.id;
    return record;
}

// In the order of the topics' names, so that equal states give equal records.
template <typename F>
void for_each_partition(const metadata::Image& state, F&& f) {
    std::vector<metadata::TopicPtr> topics;
    state.topics_by_name.for_each([&](const metadata::TopicPtr& t) { topics.push_back(t); });
    std::ranges::sort(topics, {},
                      [](const metadata::TopicPtr& t) { return std::string_view(t->name); });
    for (const auto& topic : topics)
        for (size_t i = 0; i < topic->partitions.size(); ++i)
            if (topic->partitions[i].exists()) f(*topic, i, topic->partitions[i]);
}

// A record that makes `leader` lead; null when it may not: it is neither in sync nor known to hold
// every committed record. `unclean` lets any replica lead.
std::optional<PartitionChangeRecord> election(const Topic& topic, size_t index, NodeId leader,
                                              bool unclean) {
    const Partition& p = topic.partitions[index];
    PartitionChangeRecord record = change_of(topic, index);
    record.leader = leader;
    if (p.isr.contains(leader)) return record;
    const bool eligible = p.eligible_leader_replicas.contains(leader);
    // Nobody is in sync or eligible: who led last knows most (KIP-966).
    const bool last_known =
        p.isr.empty() && p.eligible_leader_replicas.empty() && p.last_known_elr.contains(leader);
    if (!eligible && !last_known && !unclean) return std::nullopt;
    record.isr = std::vector<NodeId>{leader};
    // Other replicas may hold what the new leader lacks. A single replica has nobody to disagree
    // with.
    if (!eligible && p.replicas.size() > 1) record.leader_recovery_state = 1;
    if (!p.eligible_leader_replicas.empty()) {
        std::vector<NodeId> rest;
        for (NodeId r : p.eligible_leader_replicas)
            if (r != leader && !unclean) rest.push_back(r);
        record.eligible_leader_replicas = std::move(rest);
    }
    if (!p.last_known_elr.empty()) record.last_known_elr = std::vector<NodeId>{};
    return record;
}

// Takes the leadership away from a replica whose log directory is out of use.
PartitionChangeRecord offline(const Context& context, const Topic& topic, size_t index) {
    PartitionChangeRecord record = change_of(topic, index);
    record.leader = kNoLeader;
    const Partition& p = topic.partitions[index];
    // It holds all that is committed: it may lead again when the directory is back (KIP-966).
    if (context.state.elr_enabled() && p.isr.size() == 1) {
        record.isr = std::vector<NodeId>{};
        std::vector<NodeId> eligible = p.eligible_leader_replicas.to_vector();
        eligible.push_back(p.isr[0]);
        record.eligible_leader_replicas = std::move(eligible);
    }
    return record;
}

Result<void> check_log_dirs(const Context& context, const std::vector<Uuid>& log_dirs) {
    if (log_dirs.empty()) {
        if (!metadata::directory_assignment_supported(metadata::metadata_version(context.state)))
            return {};
        return fail(ErrorCode::invalid_registration, "no log directory was given");
    }
    std::set<Uuid> seen;
    for (const Uuid& id : log_dirs) {
        if (id.high == 0 && id.low < 100)
            return fail(ErrorCode::invalid_registration, "a log directory has a reserved id");
        if (!seen.insert(id).second)
            return fail(ErrorCode::invalid_registration, "a log directory was given twice");
    }
    return {};
}

Result<void> check_registration(const Context& context, const BrokerRegistrationRequest& request) {
    if (request.cluster_id != context.cluster_id)
        return fail(ErrorCode::inconsistent_cluster_id,
                    fmt::format("expected cluster id {}, but got {}", context.cluster_id,
                                request.cluster_id.view()));
    if (request.broker_id != context.node_id)
        return fail(ErrorCode::duplicate_broker_registration,
                    "this cluster has one node, and it is not the one that registers");
    if (request.listeners.empty())
        return fail(ErrorCode::invalid_registration, "no listener was given");
    TRY_OK(check_log_dirs(context, request.log_dirs));
    for (const auto& [name, level] : *context.state.features) {
        bool fits = false;
        for (const auto& f : request.features)
            fits |= f.name == name && f.min_supported_version <= level &&
                    level <= f.max_supported_version;
        if (!fits) {
            return fail(ErrorCode::unsupported_version,
                        fmt::format("the broker does not support {} at the finalized level {}",
                                    name, level));
        }
    }
    return {};
}

protocol::RegisterBrokerRecord registration_record(const Context& context,
                                                   const BrokerRegistrationRequest& request) {
    protocol::RegisterBrokerRecord record;
    record.broker_id = request.broker_id;
    record.is_migrating_zk_broker = request.is_migrating_zk_broker;
    record.incarnation_id = request.incarnation_id;
    record.broker_epoch = context.next_offset;
    for (const auto& l : request.listeners) {
        auto& e = record.end_points.emplace_back();
        e.name = l.name.to_owned();
        e.host = l.host.to_owned();
        e.port = l.port;
        e.security_protocol = l.security_protocol;
    }
    for (const auto& f : request.features) {
        auto& to = record.features.emplace_back();
        to.name = f.name.to_owned();
        to.min_supported_version = f.min_supported_version;
        to.max_supported_version = f.max_supported_version;
    }
    record.rack.reset();
    if (request.rack) record.rack = request.rack->to_owned();
    record.fenced = true;
    if (metadata::directory_assignment_supported(metadata::metadata_version(context.state)))
        record.log_dirs = request.log_dirs;
    return record;
}

// Whoever can be unfenced leads again what has no leader.
void elect_after_unfencing(const Context& context, NodeId broker, Records& records) {
    for_each_partition(context.state, [&](const Topic& topic, size_t index, const Partition& p) {
        if (p.leader != kNoLeader || !p.replicas.contains(broker)) return;
        if (!has_directory(*context.state.broker(broker), p.directory_of(broker))) return;
        if (auto record = election(topic, index, broker, false))
            records.push_back(*std::move(record));
    });
}

}  // namespace

Outcome<protocol::BrokerRegistrationResponse> register_broker(
    const Context& context, const BrokerRegistrationRequest& request) {
    Outcome<protocol::BrokerRegistrationResponse> out;
    if (auto ok = check_registration(context, request); !ok) {
        LOG_WARN("controller", "refused the registration of broker {}: {}", request.broker_id,
                 ok.error().message);
        out.response.error_code = static_cast<int16_t>(ok.error().code);
        return out;
    }
    const BrokerRegistration* old = context.state.broker(request.broker_id);
    out.records.push_back(registration_record(context, request));
    out.response.broker_epoch = context.next_offset;
    if (old == nullptr) return out;
    const bool unclean = old->incarnation_id != request.incarnation_id &&
                         old->epoch != request.previous_broker_epoch;
    BrokerRegistration now;
    now.log_dirs = request.log_dirs;
    const bool fewer = std::ranges::any_of(old->log_dirs, [&](const Uuid& directory) {
        return std::ranges::find(request.log_dirs, directory) == request.log_dirs.end();
    });
    if (!unclean && !fewer) return out;
    for_each_partition(context.state, [&](const Topic& topic, size_t index, const Partition& p) {
        if (p.leader != request.broker_id) return;
        if (!has_directory(now, p.directory_of(request.broker_id))) {
            out.records.push_back(offline(context, topic, index));
        } else if (unclean) {
            PartitionChangeRecord record = change_of(topic, index);
            record.leader = p.leader;
            out.records.push_back(std::move(record));
        }
    });
    return out;
}

Outcome<protocol::BrokerHeartbeatResponse> broker_heartbeat(
    const Context& context, const protocol::BrokerHeartbeatRequest& request) {
    Outcome<protocol::BrokerHeartbeatResponse> out;
    auto found = check_epoch(context, request.broker_id, request.broker_epoch);
    if (!found) {
        out.response.error_code = static_cast<int16_t>(found.error().code);
        return out;
    }
    const BrokerRegistration& broker = **found;
    protocol::BrokerRegistrationChangeRecord change;
    change.broker_id = broker.id;
    change.broker_epoch = broker.epoch;
    bool changed = false;
    if (request.cordoned_log_dirs && request.cordoned_log_dirs != broker.cordoned_log_dirs &&
        metadata::cordoned_log_dirs_supported(metadata::metadata_version(context.state))) {
        change.cordoned_log_dirs = request.cordoned_log_dirs;
        changed = true;
    }
    std::vector<Uuid> failed;
    for (const Uuid& directory : request.offline_log_dirs)
        if (std::ranges::find(broker.log_dirs, directory) != broker.log_dirs.end())
            failed.push_back(directory);
    // A broker without any directory left is gone itself.
    if (!failed.empty() && failed.size() < broker.log_dirs.size()) {
        for (const Uuid& directory : broker.log_dirs)
            if (std::ranges::find(failed, directory) == failed.end())
                change.log_dirs.push_back(directory);
        changed = true;
        for_each_partition(context.state,
                           [&](const Topic& topic, size_t index, const Partition& p) {
                               if (p.leader != broker.id) return;
                               const Uuid lies = p.directory_of(broker.id);
                               if (std::ranges::find(failed, lies) != failed.end())
                                   out.records.push_back(offline(context, topic, index));
                           });
    }
    // Kafka differs: leaders are not moved away at a shutdown. A cluster of one has nowhere to move
    // them, and without the records of that the next start is cheaper.
    out.response.should_shut_down = request.want_shut_down;
    out.response.is_caught_up = request.current_metadata_offset >= broker.epoch;
    bool fenced = broker.fenced;
    if (request.want_fence && !fenced) {
        change.fenced = 1;
        fenced = changed = true;
    } else if (!request.want_fence && fenced && out.response.is_caught_up) {
        change.fenced = -1;
        fenced = false;
        changed = true;
    }
    out.response.is_fenced = fenced;
    if (changed) out.records.push_back(std::move(change));
    if (broker.fenced && !fenced) elect_after_unfencing(context, broker.id, out.records);
    return out;
}

Outcome<protocol::AllocateProducerIdsResponse> allocate_producer_ids(
    const Context& context, const protocol::AllocateProducerIdsRequest& request) {
    Outcome<protocol::AllocateProducerIdsResponse> out;
    auto broker = check_epoch(context, request.broker_id, request.broker_epoch);
    const ProducerId start = std::max<ProducerId>(context.state.next_producer_id, 0);
    if (!broker) {
        out.response.error_code = static_cast<int16_t>(broker.error().code);
    } else if (start > std::numeric_limits<int64_t>::max() - kProducerIdBlock) {
        out.response.error_code = static_cast<int16_t>(ErrorCode::unknown_server_error);
    } else {
        protocol::ProducerIdsRecord record;
        record.broker_id = request.broker_id;
        record.broker_epoch = request.broker_epoch;
        record.next_producer_id = start + kProducerIdBlock;
        out.records.push_back(std::move(record));
        out.response.producer_id_start = start;
        out.response.producer_id_len = kProducerIdBlock;
    }
    return out;
}

Outcome<protocol::AssignReplicasToDirsResponse> assign_replicas_to_dirs(
    const Context& context, const protocol::AssignReplicasToDirsRequest& request) {
    Outcome<protocol::AssignReplicasToDirsResponse> out;
    if (auto broker = check_epoch(context, request.broker_id, request.broker_epoch); !broker) {
        out.response.error_code = static_cast<int16_t>(broker.error().code);
        return out;
    }
    auto assign = [&](const Uuid& directory, const Uuid& topic_id, PartitionIndex index) {
        const auto topic = context.state.topic(topic_id);
        if (!topic) return ErrorCode::unknown_topic_id;
        const Partition* p = topic->partition(index);
        if (p == nullptr) return ErrorCode::unknown_topic_or_partition;
        if (!p->replicas.contains(request.broker_id)) return ErrorCode::not_leader_or_follower;
        if (p->directory_of(request.broker_id) == directory) return ErrorCode::none;
        std::vector<Uuid> directories = p->directories.to_vector();
        directories.resize(p->replicas.size(), metadata::kDirectoryMigrating);
        for (size_t i = 0; i < p->replicas.size(); ++i)
            if (p->replicas[i] == request.broker_id) directories[i] = directory;
        const auto at = static_cast<size_t>(index);
        PartitionChangeRecord record = change_of(*topic, at);
        // A replica that comes out of a directory that failed can lead again.
        const BrokerRegistration& broker = *context.state.broker(request.broker_id);
        if (p->leader == kNoLeader && !broker.fenced && has_directory(broker, directory))
            if (auto elected = election(*topic, at, request.broker_id, false))
                record = *std::move(elected);
        record.directories = std::move(directories);
        out.records.push_back(std::move(record));
        return ErrorCode::none;
    };
    for (const auto& directory : request.directories) {
        auto& to = out.response.directories.emplace_back();
        to.id = directory.id;
        for (const auto& topic : directory.topics) {
            auto& to_topic = to.topics.emplace_back();
            to_topic.topic_id = topic.topic_id;
            for (const auto& partition : topic.partitions) {
                auto& result = to_topic.partitions.emplace_back();
                result.partition_index = partition.partition_index;
                result.error_code = static_cast<int16_t>(
                    assign(directory.id, topic.topic_id, partition.partition_index));
            }
        }
    }
    return out;
}

namespace {

enum class ElectionType : int8_t { preferred = 0, unclean = 1 };

Result<PartitionChangeRecord> elect(const Context& context, ElectionType type, const Topic& topic,
                                    PartitionIndex index) {
    const Partition* p = topic.partition(index);
    if (p == nullptr)
        return fail(ErrorCode::unknown_topic_or_partition,
                    fmt::format("there is no partition {}-{}", topic.name, index));
    const auto at = static_cast<size_t>(index);
    if (type == ElectionType::preferred) {
        const NodeId preferred = p->replicas.empty() ? kNoLeader : p->replicas[0];
        if (p->leader == preferred) return fail(ErrorCode::election_not_needed);
        if (is_active(context.state, preferred))
            if (auto record = election(topic, at, preferred, false)) return *std::move(record);
        return fail(ErrorCode::preferred_leader_not_available);
    }
    if (p->leader != kNoLeader) return fail(ErrorCode::election_not_needed);
    for (bool unclean : {false, true}) {
        for (NodeId replica : p->replicas) {
            if (!is_active(context.state, replica) ||
                !has_directory(*context.state.broker(replica), p->directory_of(replica)))
                continue;
            if (auto record = election(topic, at, replica, unclean)) return *std::move(record);
        }
    }
    return fail(ErrorCode::eligible_leaders_not_available);
}

}  // namespace

Outcome<protocol::ElectLeadersResponse> elect_leaders(
    const Context& context, const protocol::ElectLeadersRequest& request) {
    Outcome<protocol::ElectLeadersResponse> out;
    if (request.election_type < 0 || request.election_type > 1) {
        out.response.error_code = static_cast<int16_t>(ErrorCode::invalid_request);
        return out;
    }
    const auto type = static_cast<ElectionType>(request.election_type);
    using TopicResult = protocol::ElectLeadersResponse::ReplicaElectionResult;
    auto add = [&](TopicResult& to, PartitionIndex index, const Result<PartitionChangeRecord>& r) {
        auto& result = to.partition_result.emplace_back();
        result.partition_id = index;
        result.error_message.reset();
        if (r) {
            out.records.push_back(*r);
        } else {
            set_error(result, r.error());
        }
    };
    if (!request.topic_partitions) {
        for_each_partition(context.state, [&](const Topic& topic, size_t at, const Partition&) {
            const auto index = static_cast<PartitionIndex>(at);
            auto result = elect(context, type, topic, index);
            auto& all = out.response.replica_election_results;
            if (all.empty() || all.back().topic != topic.name)
                all.emplace_back().topic = protocol::Str(topic.name);
            if (result.code() != ErrorCode::election_not_needed) add(all.back(), index, result);
        });
        return out;
    }
    for (const auto& wanted : *request.topic_partitions) {
        TopicResult& to = out.response.replica_election_results.emplace_back();
        to.topic = wanted.topic.to_owned();
        const auto topic = context.state.topic(wanted.topic.view());
        for (PartitionIndex index : wanted.partitions) {
            if (topic) {
                add(to, index, elect(context, type, *topic, index));
            } else {
                add(to, index,
                    fail(ErrorCode::unknown_topic_or_partition,
                         fmt::format("No such topic as {}", wanted.topic.view())));
            }
        }
    }
    return out;
}

}  // namespace millrace::controller
