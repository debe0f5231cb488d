#include "controller/placement.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "metadata/features.h"
#include "metadata/snapshot.h"

namespace millrace::controller {
namespace {

// Where the broker will put a new replica, when there is only one place.
Uuid default_directory(const metadata::Image& state, NodeId broker) {
    const metadata::BrokerRegistration* b = state.broker(broker);
    if (b == nullptr || b->log_dirs.empty()) return metadata::kDirectoryMigrating;
    return b->log_dirs.size() == 1 ? b->log_dirs[0] : metadata::kDirectoryUnassigned;
}

// Takes no new replicas (KIP-1066).
bool all_cordoned(const metadata::BrokerRegistration& broker) {
    return !broker.log_dirs.empty() && broker.cordoned_log_dirs &&
           std::ranges::all_of(broker.log_dirs, [&](const Uuid& directory) {
               return std::ranges::find(*broker.cordoned_log_dirs, directory) !=
                      broker.cordoned_log_dirs->end();
           });
}

}  // namespace

bool has_directory(const metadata::BrokerRegistration& broker, const Uuid& directory) {
    if (directory == metadata::kDirectoryLost) return false;
    if (directory == metadata::kDirectoryMigrating || directory == metadata::kDirectoryUnassigned)
        return true;
    return broker.log_dirs.empty() ||
           std::ranges::find(broker.log_dirs, directory) != broker.log_dirs.end();
}

bool is_active(const metadata::Image& state, NodeId broker) {
    const metadata::BrokerRegistration* b = state.broker(broker);
    return b != nullptr && !b->fenced && !b->in_controlled_shutdown;
}

Placer::Placer(const metadata::Image& state, Rng& rng) {
    for (const auto& [id, registration] : *state.brokers)
        if (!all_cordoned(registration)) (registration.fenced ? fenced_ : up_).push_back(id);
    any_registered_ = !state.brokers->empty();
    if (up_.size() > 1) turn_ = rng.below(up_.size());
}

Result<void> Placer::check(int replication_factor) const {
    const size_t brokers = up_.size() + fenced_.size();
    std::string why;
    if (brokers == 0) {
        why = any_registered_ ? "all brokers have all their log directories cordoned"
                              : "no broker is registered";
    } else if (up_.empty()) {
        why = "all brokers are fenced";
    } else if (static_cast<size_t>(replication_factor) > brokers) {
        why = fmt::format("only {} broker(s) are registered", brokers);
    } else {
        return {};
    }
    return fail(ErrorCode::invalid_replication_factor,
                fmt::format("a partition cannot have {} replicas: {}", replication_factor, why));
}

std::vector<NodeId> Placer::next(int replication_factor) {
    std::vector<NodeId> replicas;
    const auto wanted = static_cast<size_t>(replication_factor);
    for (size_t i = 0; i < up_.size() && replicas.size() < wanted; ++i)
        replicas.push_back(up_[(turn_ + i) % up_.size()]);
    for (size_t i = 0; i < fenced_.size() && replicas.size() < wanted; ++i)
        replicas.push_back(fenced_[(turn_ + i) % fenced_.size()]);
    ++turn_;
    return replicas;
}

Result<void> check_assignment(const metadata::Image& state, std::span<const NodeId> replicas,
                              int replication_factor) {
    auto refuse = [](std::string why) {
        return fail(ErrorCode::invalid_replica_assignment, "the assignment by hand has " + why);
    };
    if (replicas.empty()) return refuse("an empty replica list.");
    std::set<NodeId> seen;
    for (NodeId broker : replicas) {
        if (state.broker(broker) == nullptr)
            return refuse(fmt::format("broker {}, which is not registered", broker));
        if (!seen.insert(broker).second)
            return refuse(fmt::format("broker {} more than once.", broker));
    }
    if (replication_factor >= 0 && replicas.size() != static_cast<size_t>(replication_factor)) {
        return refuse(fmt::format("a partition with {} replica(s), where the others have {}.",
                                  replicas.size(), replication_factor));
    }
    return {};
}

Result<protocol::PartitionRecord> new_partition(const metadata::Image& state, const Uuid& topic_id,
                                                PartitionIndex index,
                                                std::span<const NodeId> replicas) {
    protocol::PartitionRecord record;
    record.partition_id = index;
    record.topic_id = topic_id;
    record.replicas.assign(replicas.begin(), replicas.end());
    const bool with_directories =
        metadata::directory_assignment_supported(metadata::metadata_version(state));
    for (NodeId broker : replicas) {
        if (is_active(state, broker)) record.isr.push_back(broker);
        if (with_directories) record.directories.push_back(default_directory(state, broker));
    }
    if (record.isr.empty()) {
        return fail(ErrorCode::invalid_replica_assignment,
                    fmt::format("no broker of partition {}'s replicas is up", index));
    }
    record.leader = record.isr.front();
    record.leader_epoch = 0;
    record.partition_epoch = 0;
    return record;
}

}  // namespace millrace::controller
