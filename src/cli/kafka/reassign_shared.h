// What the actions of kafka-reassign-partitions have in common.
#pragma once

#include <set>

#include "cli/cluster/reassign.h"
#include "cli/cluster/session.h"
#include "cli/kafka/exceptions.h"
#include "cli/kafka/joptsimple.h"
#include "cli/kafka/refused.h"
#include "cli/output/console.h"

namespace millrace::cli::kafka {

// What an error of the cluster looks like, as an exception inside another.
inline Error thrown(const Error& error) {
    return fail(error.code, java_exception(error));
}
inline std::string text(const TopicPartition& tp) {
    return fmt::format("{}-{}", tp.topic, tp.partition);
}
inline std::string_view plural(size_t count) {
    return count == 1 ? "" : "s";
}

// The file that an option names.
Result<std::string> read_argument_file(const Arguments& arguments, std::string_view option);
// That of --reassignment-json-file.
Result<Plan> read_plan(const Arguments& arguments);
std::vector<std::string> topics_of(const Plan& plan);
std::set<TopicPartition> partitions_of(const Plan& plan);

}  // namespace millrace::cli::kafka
