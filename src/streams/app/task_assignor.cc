#include "streams/app/task_assignor.h"

#include <algorithm>

namespace millrace::streams {
namespace {

class TaskAssignor final : public client::Assignor {
public:
    explicit TaskAssignor(const Layout& layout) : layout_(layout) {}
    std::string_view name() const override { return "millrace-streams"; }
    bool cooperative() const override { return true; }

    client::GroupAssignment assign(std::span<const client::GroupMember> members,
                                   const client::AssignableTopics& topics) const override {
        const std::map<TopicPartition, size_t> owned = owners(members);
        std::map<TaskId, std::vector<TopicPartition>> inputs;
        std::map<TaskId, size_t> holders;
        for (const SubtopologyLayout& sub : layout_.subtopologies) {
            for (const std::string& name : sub.topics) {
                const auto topic = topics.find(name);
                if (topic == topics.end()) continue;
                for (PartitionIndex i = 0; i < topic->second.partitions; ++i) {
                    const TaskId task{sub.subtopology.id, i};
                    const TopicPartition partition{name, i};
                    inputs[task].push_back(partition);
                    const auto owner = owned.find(partition);
                    if (owner != owned.end()) holders.emplace(task, owner->second);
                }
            }
        }
        std::vector<TaskId> tasks;
        for (const auto& [task, partitions] : inputs) tasks.push_back(task);

        client::GroupAssignment given(members.size());
        for (const auto& [task, member] : assign_tasks(tasks, holders, members.size())) {
            for (const TopicPartition& partition : inputs.at(task)) {
                const auto owner = owned.find(partition);
                if (owner == owned.end() || owner->second == member)
                    given[member].push_back(partition);
            }
        }
        for (auto& partitions : given) std::ranges::sort(partitions);
        return given;
    }

private:
    // Of two that claim a partition, the one that was given it later.
    static std::map<TopicPartition, size_t> owners(std::span<const client::GroupMember> members) {
        std::map<TopicPartition, size_t> owned;
        for (size_t i = 0; i < members.size(); ++i) {
            for (const TopicPartition& partition : members[i].owned) {
                const auto [at, fresh] = owned.emplace(partition, i);
                if (!fresh && members[at->second].generation < members[i].generation)
                    at->second = i;
            }
        }
        return owned;
    }

    const Layout& layout_;
};

}  // namespace

std::map<TaskId, size_t> assign_tasks(const std::vector<TaskId>& tasks,
                                      const std::map<TaskId, size_t>& owners, size_t members) {
    std::map<TaskId, size_t> result;
    std::vector<size_t> load(members, 0);
    const size_t least = tasks.size() / members;
    size_t extra = tasks.size() % members;  // members that may have one more
    for (const TaskId& task : tasks) {
        const auto owner = owners.find(task);
        if (owner == owners.end() || owner->second >= members) continue;
        size_t& count = load[owner->second];
        if (count > least || (count == least && extra == 0)) continue;
        if (count == least) --extra;
        ++count;
        result.emplace(task, owner->second);
    }
    for (const TaskId& task : tasks) {
        if (result.contains(task)) continue;
        const auto idlest = std::ranges::min_element(load);
        ++*idlest;
        result.emplace(task, static_cast<size_t>(idlest - load.begin()));
    }
    return result;
}

std::unique_ptr<client::Assignor> make_task_assignor(const Layout& layout) {
    return std::make_unique<TaskAssignor>(layout);
}

}  // namespace millrace::streams
