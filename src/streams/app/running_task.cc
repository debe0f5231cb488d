#include "streams/app/running_task.h"

namespace millrace::streams {

TaskParts RunningTask::with_state(TaskParts parts) {
    parts.bytes = [this](const StoreSpec& spec, const TaskId&) { return open(spec); };
    return parts;
}

std::unique_ptr<OrderedBytes> RunningTask::open(const StoreSpec& spec) {
    if (!spec.persistent) return state_->open(spec);
    durable_.insert(spec.name);
    if (!exactly_once_) return state_->open(spec);
    auto held = std::make_unique<HeldBytes>(state_->open(spec));
    holding_.push_back(held.get());
    return held;
}

RunningTask::RunningTask(TaskParts parts, StateDirectory& directory)
    : exactly_once_(parts.config.exactly_once),
      state_(directory.open_task(parts.id)),
      task_(with_state(parts)) {
    task_.open_stores();
    for (const auto& [name, store] : task_.stores()) {
        const PlanStore& plan = parts.plan.stores().at(name);
        if (plan.changelog.empty()) continue;
        const std::string topic =
            plan.changelog_is_source
                ? plan.changelog
                : fmt::format("{}-{}", parts.config.application_id, plan.changelog);
        const TopicPartition changelog{topic, parts.id.partition};
        changelogs_[changelog] = name;
        const Offset next = durable_.contains(name) ? state_->position(name).value_or(0) : 0;
        restorations_[changelog] = {.store = name, .next = next};
    }
}

RunningTask::~RunningTask() = default;

void RunningTask::begin_restoring() {
    phase_ = Phase::restoring;
    for (const auto& [changelog, restoration] : restorations_)
        if (durable_.contains(restoration.store)) state_->begin_load(restoration.store);
}

void RunningTask::restored(const TopicPartition& changelog) {
    keep(restorations_.at(changelog));
    restorations_.erase(changelog);
}

void RunningTask::keep(const Restoration& restoration) {
    if (!durable_.contains(restoration.store)) return;
    state_->end_load(restoration.store);
    state_->set_position(restoration.store, restoration.next);
}

void RunningTask::start() {
    for (HeldBytes* bytes : holding_) bytes->hold();
    task_.start();
    phase_ = Phase::running;
}

void RunningTask::commit(const std::map<TopicPartition, Offset>& ends) {
    state_->atomically([&] {
        for (HeldBytes* bytes : holding_) bytes->write_down();
        for (const auto& [changelog, store] : changelogs_) {
            const auto end = ends.find(changelog);
            if (end != ends.end() && durable_.contains(store))
                state_->set_position(store, end->second);
        }
    });
}

size_t RunningTask::held() const {
    size_t bytes = 0;
    for (const HeldBytes* one : holding_) bytes += one->held();
    return bytes;
}

void RunningTask::close() {
    task_.close();
    if (restoring())
        for (const auto& [changelog, restoration] : restorations_) keep(restoration);
    state_->flush();
}

}  // namespace millrace::streams
