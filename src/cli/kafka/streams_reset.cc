// kafka-streams-application-reset: makes an application of Kafka Streams begin anew.
#include <set>

#include "cli/kafka/exceptions.h"
#include "cli/kafka/group_arguments.h"
#include "cli/kafka/group_resets.h"
#include "cli/kafka/misuse.h"
#include "cli/kafka/tool_session.h"
#include "protocol/messages/leave_group.h"

namespace millrace::cli::kafka {
namespace {

constexpr auto kOptions = std::to_array<Option>({
    {"application-id", Takes::value, "id", "The application; required."},
    kBootstrapServer,
    kCommandConfig,
    {"config-file", Takes::value, "file", "Old name of --command-config."},
    {"input-topics", Takes::value, "topic,...", "Topics that it reads anew."},
    {"intermediate-topics", Takes::value, "topic,...", "Topics that it skips to the end of."},
    {"internal-topics", Takes::value, "topic,...", "Only these of its own topics are deleted."},
    {"to-earliest", Takes::nothing, "", "Read from the start on, as without any of these."},
    {"to-latest", Takes::nothing, "", "From the end on."},
    {"to-offset", Takes::value, "offset", "From an offset on."},
    {"shift-by", Takes::value, "count", "By so many, forward or (negative) backward."},
    {"to-datetime", Takes::value, "time", "From a time on: YYYY-MM-DDTHH:mm:SS.sss."},
    {"by-duration", Takes::value, "duration", "From a time ago on: PnDTnHnMnS."},
    {"from-file", Takes::value, "file", "To what a file says."},
    {"dry-run", Takes::nothing, "", "Only show what would be."},
    {"force", Takes::nothing, "", "Remove members that the group still has."},
    kHelp,
    kVersion,
});

constexpr std::string_view kScenarios[] = {"to-offset", "to-datetime", "by-duration", "to-earliest",
                                           "to-latest", "shift-by",    "from-file"};

std::string list_text(const std::vector<std::string>& names) {
    return fmt::format("[{}]", fmt::join(names, ", "));
}

class Reset {
public:
    Reset(const Console& console, Session& session, const Arguments& arguments, std::string group)
        : console_(console),
          session_(session),
          arguments_(arguments),
          group_(std::move(group)),
          dry_run_(arguments.has("dry-run")) {}

    // The exit status.
    Result<int> run() {
        TRY_OK(clear_members());
        if (dry_run_)
            console_.line(
                "----Dry run displays the actions which will be performed when running Streams "
                "Reset Tool----");
        TRY(const auto topics, session_.wait(session_.admin().list_topics()));
        for (const client::TopicListing& topic : topics) all_.insert(topic.name);
        TRY(const int status, seek());
        TRY_OK(delete_internal());
        return status;
    }

private:
    // The group must have no members: with --force they are removed first.
    Result<void> clear_members() {
        constexpr int kAttempts = 3;  // others may leave by themselves meanwhile
        for (int attempt = 1;; ++attempt) {
            TRY(const auto described, session_.wait(session_.admin().describe_groups({group_})));
            const std::vector<client::MemberDescription>& members = described[0].members;
            if (members.empty()) return {};
            if (!arguments_.has("force")) return still_active(members);
            console_.line(
                fmt::format("Force deleting all active members in the group: {}", group_));
            if (dry_run_) return {};
            const auto removed = remove(members);
            if (removed) return {};
            if (attempt == kAttempts || removed.code() != ErrorCode::unknown_member_id)
                return removed.error();
        }
    }

    Error still_active(const std::vector<client::MemberDescription>& members) const {
        std::vector<std::string> ids;
        for (const auto& member : members) ids.push_back(member.id);
        return fail(ErrorCode::invalid_request,
                    fmt::format("java.lang.IllegalStateException: Consumer group '{}' is still "
                                "active and has following members: {}. Make sure to stop all "
                                "running application instances before running the reset tool. You "
                                "can use option '--force' to remove active members from the group.",
                                group_, list_text(ids)));
    }

    // The first error of any of them.
    Result<void> remove(const std::vector<client::MemberDescription>& members) {
        protocol::LeaveGroupRequest request;
        request.group_id = group_;
        for (const client::MemberDescription& member : members) {
            auto& leaving = request.members.emplace_back();
            if (member.instance_id)
                leaving.group_instance_id = protocol::Str(*member.instance_id);
            else
                leaving.member_id = member.id;
            leaving.reason = protocol::Str("removed by an administrator");
        }
        TRY(const NodeId coordinator,
            session_.wait(session_.cluster().coordinator(client::CoordinatorType::group, group_,
                                                         session_.deadline())));
        TRY(const auto reply, session_.ask_node(coordinator, request));
        const auto said = [](int16_t code) -> Result<void> {
            if (code == 0) return {};
            return fail(static_cast<ErrorCode>(code), "");
        };
        TRY_OK(said(reply->error_code));
        for (const auto& member : reply->members) TRY_OK(said(member.error_code));
        return {};
    }

    Result<int> seek() {
        TRY(const auto input_text, arguments_.value("input-topics"));
        TRY(const auto between_text, arguments_.value("intermediate-topics"));
        const auto inputs = split(input_text.value_or(""));
        const auto between = split(between_text.value_or(""));
        if (inputs.empty() && between.empty()) {
            console_.line("No input or intermediate topics specified. Skipping seek.");
            return kDone;
        }
        if (!inputs.empty())
            console_.line(fmt::format("Reset-offsets for input topics {}", list_text(inputs)));
        if (!between.empty())
            console_.line(
                fmt::format("Seek-to-end for intermediate topics {}", list_text(between)));
        const auto known_inputs = known(inputs, "input");
        const auto known_between = known(between, "intermediate");
        std::map<TopicPartition, Offset> plan;
        if (!known_between.empty()) {
            TRY(const auto ends, targets(known_between, ResetTarget{ResetTarget::To::latest}));
            console_.line(
                fmt::format("Following intermediate topics offsets will be reset to end (for "
                            "consumer group {})",
                            group_));
            std::set<std::string> names(known_between.begin(), known_between.end());
            for (const std::string& name : names) console_.line(fmt::format("Topic: {}", name));
            plan.insert(ends.begin(), ends.end());
        }
        if (!known_inputs.empty()) {
            console_.line(fmt::format(
                "Following input topics offsets will be reset to (for consumer group {})", group_));
            TRY(const auto starts, input_targets(known_inputs));
            for (const auto& [tp, offset] : starts) {
                console_.line(fmt::format("Topic: {} Partition: {} Offset: {}", tp.topic,
                                          tp.partition, offset));
                plan[tp] = offset;
            }
        }
        if (!dry_run_ && !plan.empty()) {
            TRY(const auto done, session_.wait(session_.admin().commit_offsets(group_, plan)));
            for (const auto& [tp, error] : done)
                if (error.code != ErrorCode::none) return error;
        }
        console_.line("Done.");
        const bool all =
            known_inputs.size() == inputs.size() && known_between.size() == between.size();
        return all ? kDone : kFailed;
    }

    // Those that there are; of the others it is told.
    std::vector<std::string> known(const std::vector<std::string>& topics, std::string_view kind) {
        std::vector<std::string> out;
        std::vector<std::string> missing;
        for (const std::string& topic : topics)
            (all_.contains(topic) ? out : missing).push_back(topic);
        if (!missing.empty()) {
            console_.line(fmt::format("Following {} topics are not found, skipping them", kind));
            for (const std::string& topic : missing) console_.line(fmt::format("Topic: {}", topic));
        }
        return out;
    }

    Result<std::map<TopicPartition, Offset>> targets(const std::vector<std::string>& topics,
                                                     const ResetTarget& target) {
        TRY(const auto partitions, partitions_meant(session_, topics));
        TRY(const auto committed, session_.wait(session_.admin().committed_offsets(group_)));
        TRY(auto reset, plan_reset(session_, committed, partitions, target));
        for (const TopicPartition& tp : reset.empty)
            console_.line(
                fmt::format("Partition {} from topic {} is empty, without a committed record. "
                            "Falling back to latest known offset.",
                            tp.partition, tp.topic));
        return std::move(reset.offsets);
    }

    Result<std::map<TopicPartition, Offset>> input_targets(const std::vector<std::string>& topics) {
        using To = ResetTarget::To;
        TRY(const auto file, arguments_.value("from-file"));
        if (file) return plan_from_file(console_, session_, arguments_, *file, group_);
        const bool said =
            std::ranges::any_of(kScenarios, [&](auto name) { return arguments_.has(name); });
        ResetTarget target{To::earliest};
        if (said) {
            TRY(target, read_target(arguments_, session_.wall_ms()));
        }
        if (target.to == To::offset || target.to == To::shift) TRY_OK(tell_bounds(topics, target));
        return targets(topics, target);
    }

    // Offsets at or beyond either end of their partition become that end.
    Result<void> tell_bounds(const std::vector<std::string>& topics, const ResetTarget& target) {
        TRY(const auto starts, targets(topics, ResetTarget{ResetTarget::To::earliest}));
        TRY(const auto ends, targets(topics, ResetTarget{ResetTarget::To::latest}));
        TRY(const auto committed, session_.wait(session_.admin().committed_offsets(group_)));
        for (const auto& [tp, start] : starts) {
            Offset wanted = target.value;
            const auto at = committed.find(tp);
            if (target.to == ResetTarget::To::shift)
                wanted += at == committed.end() ? 0 : at->second.offset;
            const Offset end = ends.at(tp);
            if (wanted >= end)
                console_.line(
                    fmt::format("New offset ({}) is higher than latest offset. Value "
                                "will be set to {}",
                                wanted, end));
            else if (wanted <= start)
                console_.line(
                    fmt::format("New offset ({}) is lower than earliest offset. Value "
                                "will be set to {}",
                                wanted, start));
        }
        return {};
    }

    Result<void> delete_internal() {
        std::vector<std::string> internal;
        for (const std::string& topic : all_)
            if (is_streams_internal(topic, group_)) internal.push_back(topic);
        TRY(const auto text, arguments_.value("internal-topics"));
        std::vector<std::string> doomed = internal;
        if (text) {
            doomed = split(*text);
            for (const std::string& topic : doomed)
                if (std::ranges::find(internal, topic) == internal.end())
                    return fail(ErrorCode::invalid_request,
                                "java.lang.IllegalArgumentException: Invalid topic specified in "
                                "the --internal-topics option. Ensure that the topics specified "
                                "are all internal topics. Do a dry run without the "
                                "--internal-topics option to see the list of all internal topics "
                                "that can be deleted.");
        }
        console_.line(fmt::format("Deleting {} internal topics {}", text ? "specified" : "inferred",
                                  list_text(doomed)));
        if (!dry_run_ && !doomed.empty()) {
            TRY(const auto outcomes, session_.wait(session_.admin().delete_topics(doomed)));
            for (const client::Outcome& outcome : outcomes)
                if (outcome.error.code != ErrorCode::none) return outcome.error;
        }
        console_.line("Done.");
        return {};
    }

    const Console& console_;
    Session& session_;
    const Arguments& arguments_;
    const std::string group_;
    const bool dry_run_;
    std::set<std::string> all_;  // topics
};

Result<int> act(const Console& console, const Arguments& arguments) {
    TRY(const auto group, arguments.value("application-id"));
    if (arguments.has("config-file"))
        console.line(
            "Option --config-file has been deprecated and will be removed in a future version. Use "
            "--command-config instead.");
    TRY(const auto session,
        open_session(arguments, "bootstrap-server",
                     arguments.has("config-file") ? "config-file" : "command-config"));
    return Reset(console, *session, arguments, *group).run();
}

}  // namespace

int streams_application_reset(const Console& console, const Words& words) {
    const auto arguments = Arguments::parse(kOptions, words);
    const auto wrong = [&](std::string_view why) { return misused(console, why, kOptions); };
    if (!arguments) return wrong(arguments.error().message);
    if (!words.empty())
        if (const auto ended =
                help_or_version(console, words, *arguments,
                                "Makes an application of Kafka Streams begin anew.", kOptions))
            return *ended;
    if (!arguments->has("application-id"))
        return wrong("Missing required option(s) [application-id]");
    for (const std::string_view one : kScenarios)
        if (const auto said = clash(*arguments, one,
                                    {kScenarios[0], kScenarios[1], kScenarios[2], kScenarios[3],
                                     kScenarios[4], kScenarios[5], kScenarios[6]}))
            return wrong(*said);
    const auto status = act(console, *arguments);
    if (status) return *status;
    std::fflush(console.out);
    console.error_line(fmt::format("ERROR: {}", java_sentence(status.error())));
    return kFailed;
}

}  // namespace millrace::cli::kafka
