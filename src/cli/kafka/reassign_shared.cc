#include "cli/kafka/reassign_shared.h"

#include "cli/local_disk.h"

namespace millrace::cli::kafka {

Result<std::string> read_argument_file(const Arguments& arguments, std::string_view option) {
    TRY(const auto path, arguments.value(option));
    LocalDisk local;
    auto text = local.read_all(*path);
    if (!text) return refused(fmt::format("Unable to read file {}", *path));
    return text;
}

Result<Plan> read_plan(const Arguments& arguments) {
    TRY(const std::string json, read_argument_file(arguments, "reassignment-json-file"));
    if (json.empty()) return refused("The input string shouldn't be empty");
    return parse_plan(json);
}

std::vector<std::string> topics_of(const Plan& plan) {
    std::set<std::string> names;
    for (const Placement& place : plan) names.insert(place.partition.topic);
    return {names.begin(), names.end()};
}

std::set<TopicPartition> partitions_of(const Plan& plan) {
    std::set<TopicPartition> out;
    for (const Placement& place : plan) out.insert(place.partition);
    return out;
}

}  // namespace millrace::cli::kafka
