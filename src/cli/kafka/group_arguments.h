// What the options of Kafka's tools about groups name.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/cluster/session.h"
#include "cli/kafka/joptsimple.h"

namespace millrace::cli::kafka {

// "STABLE" -> "Stable". Pure.
std::string capitalized(std::string_view word);
// By commas; without blanks at the beginning of each. Pure.
std::vector<std::string> split(std::string_view text);

// The states or types that an option names, in the cluster's spelling. Errors name `known`.
Result<std::vector<std::string>> read_choice(const Arguments& arguments, std::string_view option,
                                             std::span<const std::string_view> known);

// Whether Kafka Streams has made the topic for an application. Pure.
bool is_streams_internal(std::string_view topic, std::string_view application);

// The partitions that these mean: of "t" all, of "t:0,1" those. unknown_topic_or_partition.
Result<std::vector<TopicPartition>> partitions_meant(Session& session,
                                                     const std::vector<std::string>& topics);

}  // namespace millrace::cli::kafka
