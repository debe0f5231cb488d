#include "sim/client/cluster/stand_in_broker.h"

#include "protocol/header.h"
#include "sim/client/cluster/stand_in_coordinators.h"
#include "sim/client/cluster/stand_in_dispatch.h"

namespace millrace::sim {

using namespace std::chrono_literals;
using runtime::Task;

// A partition of an internal topic that this broker leads.
struct StandInBroker::Loaded {
    Loaded(StandInCluster& cluster, StandInPartition& partition, runtime::Loop& loop)
        : log(cluster, partition, loop) {}
    StandInCoordinatorLog log;
};

StandInBroker::StandInBroker(StandInCluster& cluster, NodeId id, runtime::Context& context)
    : cluster_(cluster),
      id_(id),
      context_(context),
      sessions_(100, context.loop.rng()),
      server_(context.loop, pool_, {}, 1000,
              [this](const std::string&) { return make_stand_in_connection(*this); }),
      scope_(context.loop) {
    group::GroupConfig config;
    config.group_initial_rebalance_delay_ms = 100;
    config.group_consumer_heartbeat_interval_ms = 500;
    config.group_consumer_session_timeout_ms = 10'000;
    groups_ = std::make_unique<group::GroupCoordinator>(context.loop, config, view_of(cluster));
    transactions_ = std::make_unique<transaction::TransactionCoordinator>(
        context.loop, transaction::TransactionConfig{.timeout_check_interval_ms = 500});
    transactions_->connect(*this);
    topics_changed();
}

StandInBroker::~StandInBroker() = default;

Task<void> StandInBroker::run() {
    const auto listening = server_.listen(context_.network, machine().node.name(), 9092);
    INVARIANT(listening.has_value());
    scope_.spawn(groups_->run());
    scope_.spawn(transactions_->run());
    scope_.spawn(follow());
    co_await server_.run();
}

namespace {

Task<void> run_errand(StandInBroker& broker, StandInCluster::Errand errand) {
    co_await errand(broker);
}

}  // namespace

void StandInBroker::spawn(StandInCluster::Errand errand) {
    scope_.spawn(run_errand(*this, std::move(errand)));
}

void StandInBroker::topics_changed() {
    groups_->on_metadata_changed(view_of(cluster_));
    const auto found = cluster_.topics().find(kTransactionsTopic);
    if (found != cluster_.topics().end())
        transactions_->set_partition_count(static_cast<int32_t>(found->second.partitions.size()));
}

Task<void> StandInBroker::follow() {
    runtime::Subscriber news{loop()};
    news.subscribe(cluster_.leaders_changed);
    for (;;) {
        const bool done = co_await follow_once();
        co_await news.wait_until(done ? runtime::kNever : loop().now() + 100ms);
    }
}

// Loads what it leads now, unloads what it does not any more. False when something must be tried
// again.
Task<bool> StandInBroker::follow_once() {
    bool done = true;
    for (StandInPartition* partition : cluster_.partitions()) {
        const TopicPartition& place = partition->place;
        coordinator::Coordinator* coordinator = nullptr;
        if (place.topic == kOffsetsTopic) coordinator = &*groups_;
        if (place.topic == kTransactionsTopic) coordinator = &*transactions_;
        if (!coordinator) continue;
        auto at = loaded_.find(place);
        if (at != loaded_.end() && at->second->log.epoch() != partition->epoch) {
            co_await coordinator->unload(place.partition);
            loaded_.erase(place);
            at = loaded_.end();
        }
        if (at == loaded_.end() && partition->leader == id_) {
            auto& log = *(loaded_[place] = std::make_unique<Loaded>(cluster_, *partition, loop()));
            if (!co_await coordinator->load(place.partition, log.log)) {
                loaded_.erase(place);
                done = false;
            }
        }
    }
    co_return done;
}

std::optional<StandInBroker::Injected> StandInBroker::inject(std::span<const ErrorCode> refused,
                                                             std::span<const ErrorCode> performed) {
    Rng& rng = loop().rng();
    if (!rng.chance(cluster_.faults.error)) return std::nullopt;
    const bool perform = !performed.empty() && rng.chance(cluster_.faults.performed);
    const auto codes = perform ? performed : refused;
    if (codes.empty()) return std::nullopt;
    return Injected{codes[rng.below(codes.size())], perform};
}

int32_t StandInBroker::throttle() {
    Rng& rng = loop().rng();
    return rng.chance(cluster_.faults.throttle) ? static_cast<int32_t>(rng.below(300)) : 0;
}

}  // namespace millrace::sim
