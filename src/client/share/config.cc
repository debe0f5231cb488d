#include "client/share/config.h"

#include <fmt/format.h>

namespace millrace::client {
namespace {

constexpr std::string_view kNotTaken[] = {
    "auto.offset.reset",   "enable.auto.commit",    "group.instance.id",
    "group.protocol",      "group.remote.assignor", "heartbeat.interval.ms",
    "interceptor.classes", "isolation.level",       "partition.assignment.strategy",
    "session.timeout.ms",
};

}  // namespace

Result<ShareConsumerConfig> ShareConsumerConfig::from(const Settings& settings) {
    for (const std::string_view name : kNotTaken) {
        if (settings.find(name))
            return fail(ErrorCode::invalid_config,
                        fmt::format("{} cannot be set for a share consumer", name));
    }
    ShareConsumerConfig out;
    TRY(out.client, ClientConfig::from(settings));
    TRY_OK(settings.read("group.id", out.group_id));
    TRY(const auto acknowledgement,
        settings.read_choice("share.acknowledgement.mode", {"implicit", "explicit"}));
    if (acknowledgement) out.acknowledgement = static_cast<AcknowledgementMode>(*acknowledgement);
    TRY(const auto acquire,
        settings.read_choice("share.acquire.mode", {"batch_optimized", "record_limit"}));
    if (acquire) out.acquire = static_cast<AcquireMode>(*acquire);
    TRY_OK(settings.read("max.poll.interval.ms", out.max_poll_interval, 1));
    TRY_OK(settings.read("max.poll.records", out.max_poll_records, 1, INT32_MAX));
    TRY_OK(settings.read("check.crcs", out.check_crcs));
    TRY_OK(settings.read("client.rack", out.client_rack));
    TRY_OK(settings.read("fetch.min.bytes", out.fetch_min_bytes, 0, INT32_MAX));
    TRY_OK(settings.read("fetch.max.wait.ms", out.fetch_max_wait, 0, INT32_MAX));
    TRY_OK(settings.read("fetch.max.bytes", out.fetch_max_bytes, 0, INT32_MAX));
    TRY_OK(out.check());
    return out;
}

Result<void> ShareConsumerConfig::check() const {
    if (group_id.empty())
        return fail(ErrorCode::invalid_config, "a share consumer needs a group.id");
    if (fetch_max_wait > client.request_timeout)
        return fail(ErrorCode::invalid_config,
                    "fetch.max.wait.ms must not be above request.timeout.ms");
    return {};
}

}  // namespace millrace::client
