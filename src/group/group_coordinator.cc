#include "group/group_coordinator.h"

#include "group/coordinator_impl.h"

namespace millrace::group {
namespace {

// Deleted topics are looked for at most this often, however fast metadata changes.
constexpr int64_t kDeletedTopicsIntervalMs = 1'000;

}  // namespace

GroupCoordinator::GroupCoordinator(runtime::Loop& loop, GroupConfig config,
                                   std::shared_ptr<const ClusterView> cluster)
    : impl_(std::make_unique<Impl>(loop, std::move(config), std::move(cluster))) {}

GroupCoordinator::~GroupCoordinator() = default;

PartitionIndex GroupCoordinator::partition_for(std::string_view group_id) const {
    return impl_->shards.partition_for(group_id);
}

Task<Result<void>> GroupCoordinator::load(PartitionIndex partition,
                                          coordinator::CoordinatorLog& log) {
    auto shard = std::make_shared<Shard>(impl_->loop, impl_->scope, log::Room("group"), log,
                                         impl_->config, impl_->loop.rng(), impl_->cluster);
    Result<void> loaded = co_await impl_->shards.load(partition, std::move(shard));
    if (loaded) impl_->wake.set();
    co_return loaded;
}

Task<void> GroupCoordinator::unload(PartitionIndex partition) {
    co_await impl_->shards.unload(partition);
}

void GroupCoordinator::on_metadata_changed(std::shared_ptr<const ClusterView> cluster) {
    impl_->set_cluster(cluster);
    for (const auto& [partition, shard] : impl_->shards) shard->machine.set_cluster(cluster);
    impl_->metadata_changed = true;
    impl_->wake.set();
}

// --- time

Task<void> GroupCoordinator::Impl::fire(std::shared_ptr<Shard> shard, Timer timer) {
    std::string group_id = timer.group;
    co_await on_group_quietly(
        std::move(shard), group_id,
        [timer = std::move(timer)](GroupMachine& machine, Now now, Effects& effects) {
            machine.on_timer(timer, now, effects);
        });
}

Task<void> GroupCoordinator::Impl::clean(bool expire, bool deleted_topics) {
    std::vector<std::shared_ptr<Shard>> all;
    for (const auto& [partition, shard] : shards) all.push_back(shard);
    for (const std::shared_ptr<Shard>& shard : all) {
        if (!shard->active()) continue;
        if (!expire && !shard->machine.offsets().has_deleted_topics()) continue;
        for (const std::string& id : shard->machine.group_ids()) {
            if (stopping || !shard->active()) break;
            auto work = [=](GroupMachine& machine, Now now, Effects& effects) {
                if (deleted_topics) machine.remove_deleted_topics(id, effects);
                if (expire && effects.records.empty()) machine.clean_up(id, now, effects);
            };
            co_await on_group_quietly(shard, id, work);
            co_await loop.yield();
        }
    }
    cleaning = false;
}

runtime::TimePoint GroupCoordinator::Impl::next_deadline() const {
    runtime::TimePoint next = runtime::kNever;
    for (const auto& [partition, shard] : shards)
        if (std::optional<int64_t> at =
                shard->active() ? shard->machine.next_deadline() : std::nullopt)
            next = std::min(next, time_point(*at));
    return next;
}

void GroupCoordinator::Impl::fire_due() {
    for (const auto& [partition, shard] : shards)
        if (shard->active())
            for (Timer& timer : shard->machine.take_due(shard->now()))
                scope.spawn(fire(shard, std::move(timer)));
}

Task<void> GroupCoordinator::run() {
    Impl& impl = *impl_;
    auto check_interval =
        std::chrono::milliseconds{impl.config.offsets_retention_check_interval_ms};
    auto deleted_interval = std::chrono::milliseconds{kDeletedTopicsIntervalMs};
    runtime::TimePoint next_expiry = impl.loop.now() + check_interval;
    runtime::TimePoint next_deleted = impl.loop.now();
    while (!impl.stopping) {
        impl.wake.reset();
        impl.fire_due();
        bool expire = impl.loop.now() >= next_expiry;
        bool deleted = impl.metadata_changed && impl.loop.now() >= next_deleted;
        if ((expire || deleted) && !impl.cleaning) {
            impl.cleaning = true;
            if (expire) next_expiry = impl.loop.now() + check_interval;
            if (deleted) {
                next_deleted = impl.loop.now() + deleted_interval;
                impl.metadata_changed = false;
            }
            impl.scope.spawn(impl.clean(expire, deleted));
        }
        impl.sleeping_until = std::min(impl.next_deadline(), next_expiry);
        if (impl.metadata_changed)
            impl.sleeping_until = std::min(impl.sleeping_until, next_deleted);
        // While a cleaning is under way its next time must not keep this awake.
        runtime::TimePoint soonest = impl.loop.now() + std::chrono::milliseconds{1};
        impl.sleeping_until = std::max(impl.sleeping_until, soonest);
        co_await impl.wake.wait_until(impl.loop, impl.sleeping_until);
    }
    co_await impl.scope.join();
}

void GroupCoordinator::stop() {
    impl_->stopping = true;
    impl_->wake.set();
}

}  // namespace millrace::group
