#include "client/consumer_config.h"

#include <fmt/format.h>

#include <ranges>

#include "client/assign/assignor.h"
#include "config/text.h"

namespace millrace::client {

Result<OffsetReset> OffsetReset::parse(std::string_view text) {
    constexpr std::string_view kByDuration = "by_duration:";
    if (text == "latest") return OffsetReset{Kind::latest, {}};
    if (text == "earliest") return OffsetReset{Kind::earliest, {}};
    if (text == "none") return OffsetReset{Kind::none, {}};
    if (text.starts_with(kByDuration)) {
        const auto ms = config::parse_iso_duration(text.substr(kByDuration.size()));
        if (ms && *ms >= 0) return OffsetReset{Kind::by_duration, std::chrono::milliseconds(*ms)};
    }
    return fail(ErrorCode::invalid_config,
                fmt::format("auto.offset.reset={}: it must be latest, earliest, none or "
                            "by_duration:<as PT1H>",
                            text));
}

Result<ConsumerConfig> ConsumerConfig::from(const Settings& settings) {
    ConsumerConfig out;
    TRY(out.client, ClientConfig::from(settings));
    TRY_OK(settings.read("group.id", out.group_id));
    TRY_OK(settings.read("group.instance.id", out.group_instance_id));
    TRY(const auto protocol, settings.read_choice("group.protocol", {"classic", "consumer"}));
    if (protocol) out.group_protocol = static_cast<GroupProtocol>(*protocol);
    if (const auto names = settings.find("partition.assignment.strategy")) {
        out.assignors.clear();
        for (const auto name : std::views::split(*names, ','))
            out.assignors.emplace_back(config::trim(std::string_view(name)));
    }
    TRY_OK(settings.read("group.remote.assignor", out.group_remote_assignor));
    TRY_OK(settings.read("session.timeout.ms", out.session_timeout, 1));
    TRY_OK(settings.read("heartbeat.interval.ms", out.heartbeat_interval, 1));
    TRY_OK(settings.read("max.poll.interval.ms", out.max_poll_interval, 1));
    TRY_OK(settings.read("max.poll.records", out.max_poll_records, 1, INT32_MAX));
    out.auto_commit = !out.group_id.empty();
    TRY_OK(settings.read("enable.auto.commit", out.auto_commit));
    if (out.auto_commit && out.group_id.empty())
        return fail(ErrorCode::invalid_config, "enable.auto.commit needs a group.id");
    TRY_OK(settings.read("auto.commit.interval.ms", out.auto_commit_interval, 0));
    if (const auto reset = settings.find("auto.offset.reset")) {
        TRY(out.offset_reset, OffsetReset::parse(*reset));
    }
    TRY(const auto isolation,
        settings.read_choice("isolation.level", {"read_uncommitted", "read_committed"}));
    if (isolation) out.isolation = static_cast<IsolationLevel>(*isolation);
    TRY_OK(settings.read("check.crcs", out.check_crcs));
    TRY_OK(settings.read("exclude.internal.topics", out.exclude_internal_topics));
    TRY_OK(settings.read("client.rack", out.client_rack));
    TRY_OK(settings.read("fetch.min.bytes", out.fetch_min_bytes, 0, INT32_MAX));
    TRY_OK(settings.read("fetch.max.wait.ms", out.fetch_max_wait, 0, INT32_MAX));
    TRY_OK(settings.read("fetch.max.bytes", out.fetch_max_bytes, 0, INT32_MAX));
    TRY_OK(settings.read("max.partition.fetch.bytes", out.max_partition_fetch_bytes, 0, INT32_MAX));
    TRY_OK(settings.read("millrace.prefetch.bytes", out.prefetch_bytes, 1, INT64_MAX));
    TRY_OK(out.check());
    return out;
}

Result<void> ConsumerConfig::check() const {
    const auto refuse = [](std::string why) {
        return fail(ErrorCode::invalid_config, std::move(why));
    };
    if (group_id.empty() && !group_instance_id.empty())
        return refuse("group.instance.id needs a group.id");
    if (group_protocol == GroupProtocol::consumer && group_id.empty())
        return refuse("group.protocol=consumer needs a group.id");
    if (heartbeat_interval >= session_timeout)
        return refuse("heartbeat.interval.ms must be below session.timeout.ms");
    if (fetch_max_wait > client.request_timeout)
        return refuse("fetch.max.wait.ms must not be above request.timeout.ms");
    if (assignors.empty()) return refuse("partition.assignment.strategy names no assignor");
    for (const std::string& name : assignors) {
        if (!make_assignor(name))
            return refuse(
                fmt::format("partition.assignment.strategy: there is no assignor '{}'; there are "
                            "range, roundrobin, sticky, cooperative-sticky",
                            name));
    }
    return {};
}

}  // namespace millrace::client
