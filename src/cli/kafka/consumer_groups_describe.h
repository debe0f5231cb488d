// The tables of kafka-consumer-groups: columns as wide as Kafka makes them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cli/cluster/session.h"
#include "cli/output/console.h"

namespace millrace::cli::kafka {

enum class GroupView : uint8_t { offsets, members, state };

Result<void> describe_groups(const Console& console, Session& session,
                             const std::vector<std::string>& groups, GroupView view, bool verbose);

void print_new_offsets(
    const Console& console,
    const std::vector<std::pair<std::string, std::map<TopicPartition, Offset>>>& plans);

// "t:0,1;u:2"; "-" for none.
std::string assignment_text(const std::vector<TopicPartition>& partitions);

}  // namespace millrace::cli::kafka
