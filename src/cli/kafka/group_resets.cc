#include "cli/kafka/group_resets.h"

#include "cli/cluster/reset_file.h"
#include "cli/kafka/exceptions.h"
#include "cli/local_disk.h"

namespace millrace::cli::kafka {

Result<ResetTarget> read_target(const Arguments& arguments, TimestampMs now) {
    using To = ResetTarget::To;
    if (arguments.has("to-earliest")) return ResetTarget{To::earliest};
    if (arguments.has("to-latest")) return ResetTarget{To::latest};
    if (arguments.has("to-current")) return ResetTarget{To::current};
    TRY(const auto offset, arguments.long_number("to-offset"));
    if (offset) return ResetTarget{To::offset, *offset};
    TRY(const auto shift, arguments.long_number("shift-by"));
    if (shift) return ResetTarget{To::shift, *shift};
    TRY(const auto date, arguments.value("to-datetime"));
    if (date) {
        TRY(const TimestampMs time, parse_date_time(*date));
        return ResetTarget{To::time, time};
    }
    TRY(const auto duration, arguments.value("by-duration"));
    TRY(const int64_t ms, parse_duration(duration.value_or("")));
    return ResetTarget{To::time, now - ms};
}

Result<std::map<TopicPartition, Offset>> plan_from_file(const Console& console, Session& session,
                                                        const Arguments& arguments,
                                                        const std::string& path,
                                                        const std::string& group) {
    LocalDisk local;
    const auto text = local.read_all(path);
    if (!text)
        return fail(text.code(), fmt::format("java.io.IOException: Unable to read file {}", path));
    const bool one_group = arguments.values("group").size() == 1;
    TRY(const ResetPlans plans, parse_reset_file(*text, one_group ? group : ""));
    const auto found = plans.find(group);
    if (found == plans.end()) {
        console.line(fmt::format("\nError: No reset plan for group {} found", group));
        return std::map<TopicPartition, Offset>{};
    }
    TRY(Reset reset, plan_reset(session, found->second));
    return std::move(reset.offsets);
}

Result<void> delete_group_offsets(const Console& console, Session& session,
                                  const std::string& group,
                                  std::vector<TopicPartition> partitions) {
    const auto deleted = session.wait(session.admin().delete_offsets(group, partitions));
    if (!deleted && client::Cluster::network_error(deleted.code())) return deleted.error();
    bool partly = false;
    if (deleted)
        for (const auto& [tp, error] : *deleted) partly |= error.code != ErrorCode::none;
    if (!deleted)
        console.line(fmt::format("\nError: {}", java_sentence(deleted.error())));
    else if (partly)
        console.line("\nError: Encountered some partition-level error, see the follow-up details.");
    else
        console.line(fmt::format("Request succeeded for deleting offsets from group {}.", group));
    size_t width = 15;
    for (const TopicPartition& tp : partitions) width = std::max(width, tp.topic.size());
    console.line(fmt::format("\n{:<{}} {:<10} {:<15}", "TOPIC", width, "PARTITION", "STATUS"));
    std::ranges::sort(partitions);
    for (const TopicPartition& tp : partitions) {
        const Error error = deleted ? deleted->at(tp) : deleted.error();
        const std::string status = error.code == ErrorCode::none
                                       ? "Successful"
                                       : fmt::format("Error: {}", java_exception(error));
        console.line(fmt::format("{:<{}} {:<10} {:<15}", tp.topic, width, tp.partition, status));
    }
    return {};
}

}  // namespace millrace::cli::kafka
