// The tables of kafka-streams-groups.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/cluster/session.h"
#include "cli/kafka/consumer_groups_describe.h"
#include "cli/output/console.h"

namespace millrace::cli::kafka {

Result<void> describe_streams_groups(const Console& console, Session& session,
                                     const std::vector<std::string>& groups, GroupView view,
                                     bool verbose);

void print_new_streams_offsets(
    const Console& console,
    const std::vector<std::pair<std::string, std::map<TopicPartition, Offset>>>& plans);

// "ACTIVE: 0:[0,1]; STANDBY: 1:[0]; " with `begin` before each kind. Pure.
std::string tasks_text(const client::StreamsAssignment& assignment, std::string_view begin);

}  // namespace millrace::cli::kafka
