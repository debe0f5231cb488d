#include "streams/app/running_task.h"

namespace millrace::streams {

TaskParts RunningTask::with_state(TaskParts parts, TaskState& state) {
    parts.bytes = [&state](const StoreSpec& spec, const TaskId&) { return state.open(spec); };
    return parts;
}

RunningTask::RunningTask(TaskParts parts, StateDirectory& directory)
    : state_(directory.open_task(parts.id)), task_(with_state(parts, *state_)) {
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
        restorations_[changelog] = {.store = name, .next = state_->position(name).value_or(0)};
    }
}

RunningTask::~RunningTask() = default;

void RunningTask::restored(const TopicPartition& changelog) {
    const Restoration& done = restorations_.at(changelog);
    state_->set_position(done.store, done.next);
    restorations_.erase(changelog);
}

void RunningTask::start() {
    task_.start();
    running_ = true;
}

void RunningTask::commit_positions(const std::map<TopicPartition, Offset>& ends) {
    for (const auto& [changelog, store] : changelogs_) {
        const auto end = ends.find(changelog);
        if (end != ends.end()) state_->set_position(store, end->second);
    }
}

void RunningTask::close() {
    task_.close();
    state_->flush();
}

}  // namespace millrace::streams
