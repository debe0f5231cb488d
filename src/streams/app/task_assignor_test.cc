#include "streams/app/task_assignor.h"

#include <doctest/doctest.h>

#include "base/random.h"

using namespace millrace;
using namespace millrace::streams;

namespace {

std::vector<TaskId> tasks_of(int32_t subtopologies, int32_t partitions) {
    std::vector<TaskId> tasks;
    for (int32_t s = 0; s < subtopologies; ++s)
        for (int32_t p = 0; p < partitions; ++p) tasks.push_back({s, p});
    return tasks;
}

std::vector<size_t> loads(const std::map<TaskId, size_t>& assignment, size_t members) {
    std::vector<size_t> load(members, 0);
    for (const auto& [task, member] : assignment) ++load[member];
    return load;
}

Layout two_subtopologies() {
    Layout layout;
    layout.subtopologies.push_back({.subtopology = {.id = 0}, .tasks = 2, .topics = {"a", "b"}});
    layout.subtopologies.push_back({.subtopology = {.id = 1}, .tasks = 2, .topics = {"c"}});
    return layout;
}

}  // namespace

TEST_CASE("tasks are shared evenly, and stay where they are as far as that allows") {
    Rng rng(7);
    for (int round = 0; round < 500; ++round) {
        const auto tasks = tasks_of(1 + static_cast<int32_t>(rng.below(4)),
                                    1 + static_cast<int32_t>(rng.below(9)));
        const size_t members = 1 + rng.below(6);
        std::map<TaskId, size_t> owners;
        for (const TaskId& task : tasks)
            if (rng.below(3) != 0) owners[task] = rng.below(members);
        const auto assignment = assign_tasks(tasks, owners, members);
        REQUIRE(assignment.size() == tasks.size());
        const auto load = loads(assignment, members);
        const auto [low, high] = std::ranges::minmax(load);
        CHECK(high - low <= 1);
        // Whoever gave a task up is full.
        for (const auto& [task, owner] : owners)
            if (assignment.at(task) != owner) CHECK(load[owner] >= tasks.size() / members);
        // And what is even already stays.
        CHECK(assign_tasks(tasks, assignment, members) == assignment);
    }
}

TEST_CASE("a task's partitions stay together, and one that moves is given to nobody at first") {
    const Layout layout = two_subtopologies();
    const auto assignor = make_task_assignor(layout);
    const client::AssignableTopics topics{{"a", {2, {}}}, {"b", {2, {}}}, {"c", {2, {}}}};
    std::vector<client::GroupMember> members(1);
    members[0].id = "first";
    const auto alone = assignor->assign(members, topics);
    CHECK(alone[0] ==
          std::vector<TopicPartition>{{"a", 0}, {"a", 1}, {"b", 0}, {"b", 1}, {"c", 0}, {"c", 1}});

    members[0].owned = alone[0];
    members[0].generation = 1;
    members.emplace_back().id = "second";
    const auto moving = assignor->assign(members, topics);
    CHECK(moving[0] == std::vector<TopicPartition>{{"a", 0}, {"a", 1}, {"b", 0}, {"b", 1}});
    CHECK(moving[1].empty());

    members[0].owned = moving[0];
    const auto moved = assignor->assign(members, topics);
    CHECK(moved[0] == moving[0]);
    CHECK(moved[1] == std::vector<TopicPartition>{{"c", 0}, {"c", 1}});
}
