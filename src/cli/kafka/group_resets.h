// What Kafka's tools about groups do to committed offsets.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/cluster/groups.h"
#include "cli/kafka/joptsimple.h"
#include "cli/output/console.h"

namespace millrace::cli::kafka {

// Of --to-earliest, --to-latest, --to-current, --to-offset, --shift-by, --to-datetime and
// --by-duration.
Result<ResetTarget> read_target(const Arguments& arguments, TimestampMs now);

// What --from-file says of a group.
Result<std::map<TopicPartition, Offset>> plan_from_file(const Console& console, Session& session,
                                                        const Arguments& arguments,
                                                        const std::string& path,
                                                        const std::string& group);

// Deletes what is committed, and tells what became of each partition.
Result<void> delete_group_offsets(const Console& console, Session& session,
                                  const std::string& group, std::vector<TopicPartition> partitions);

}  // namespace millrace::cli::kafka
