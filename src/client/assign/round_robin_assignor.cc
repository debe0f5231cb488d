#include "client/assign/assignors.h"
#include "client/assign/group_view.h"

namespace millrace::client::assign {
namespace {

class RoundRobinAssignor final : public Assignor {
public:
    std::string_view name() const override { return "roundrobin"; }

    GroupAssignment assign(std::span<const GroupMember> members,
                           const AssignableTopics& topics) const override {
        const GroupView group(members, topics);
        const std::vector<Member> circle = group.by_instance(group.java_order());
        std::vector<std::vector<Partition>> given(members.size());
        size_t next = 0;
        for (Partition p = 0; p < group.partition_count(); p++) {
            // Some member subscribes to it: other topics are not in the view.
            while (!group.subscribes(circle[next], group.topic_of(p)))
                next = (next + 1) % circle.size();
            given[circle[next]].push_back(p);
            next = (next + 1) % circle.size();
        }
        return group.named(std::move(given));
    }
};

}  // namespace

std::unique_ptr<Assignor> make_round_robin() {
    return std::make_unique<RoundRobinAssignor>();
}

}  // namespace millrace::client::assign
