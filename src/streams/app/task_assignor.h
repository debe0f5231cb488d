// How the leader of an application's group shares the tasks out.
//
// A task is all partitions of one number of a sub-topology's topics, so they stay together. Members
// keep their tasks (their state is there) as long as nobody has two more than another; a task that
// is to move is given to nobody in this round, as its owner must let go of it first (cooperative).
//
// It goes by a name of its own: an instance of Java's Kafka Streams in the same group is refused by
// the coordinator (INCONSISTENT_GROUP_PROTOCOL), and refuses us, instead of either misreading the
// other's plans. Owner: a member's classic membership. Kafka: StreamsPartitionAssignor,
// StickyTaskAssignor.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "client/assign/assignor.h"
#include "streams/app/layout.h"

namespace millrace::streams {

// For each task the member that it is best given to: as even as can be, and whoever has a task
// keeps it where that allows. `owners`: of the tasks that have one. The result has all `tasks`.
std::map<TaskId, size_t> assign_tasks(const std::vector<TaskId>& tasks,
                                      const std::map<TaskId, size_t>& owners, size_t members);

// `layout` must live as long as the assignor.
std::unique_ptr<client::Assignor> make_task_assignor(const Layout& layout);

}  // namespace millrace::streams
