#include "client/telemetry/telemetry.h"

#include <algorithm>
#include <cmath>

#include "base/log.h"
#include "protocol/messages/get_telemetry_subscriptions.h"
#include "protocol/messages/push_telemetry.h"

namespace millrace::client {
namespace {

// Until the cluster has said another one.
constexpr std::chrono::minutes kIntervalAtFirst{5};
// What close() waits for.
constexpr std::chrono::seconds kLastPushPatience{2};
constexpr std::chrono::milliseconds kIntervalMin{10};

// One counter, wherever it is in the list.
std::string key_of(const Metric& metric) {
    std::string out = metric.group + '/' + metric.name;
    for (const auto& [name, value] : metric.tags) out += '/' + name + '=' + value;
    return out;
}

// In the order of the broker's liking.
protocol::Codec choose_codec(std::span<const int8_t> accepted) {
    for (const int8_t type : accepted)
        if (type >= 0 && type < protocol::kCodecCount) return static_cast<protocol::Codec>(type);
    return protocol::Codec::none;
}

}  // namespace

Telemetry::Telemetry(Cluster& cluster, std::function<MetricList()> metrics,
                     std::function<Labels()> labels)
    : cluster_(cluster),
      metrics_(std::move(metrics)),
      labels_(std::move(labels)),
      began_(cluster.loop().wall_ms()),
      interval_(kIntervalAtFirst),
      pushed_at_(began_) {
    // Controllers take none.
    if (!cluster.config().metrics_push || cluster.config().controllers) return;
    tasks_.emplace(cluster.loop());
    tasks_->spawn(run());
}

std::optional<Uuid> Telemetry::instance_id() const {
    if (instance_id_.is_zero()) return std::nullopt;
    return instance_id_;
}

runtime::Task<void> Telemetry::run() {
    runtime::Loop& loop = cluster_.loop();
    {
        // Whoever has nothing to do with the cluster yet is not to connect for this.
        runtime::Subscriber waiting{loop};
        waiting.subscribe(cluster_.metadata_changed());
        while (cluster_.metadata().brokers().empty()) co_await waiting.wait();
    }
    for (;;) {
        const Next asked = co_await ask();
        if (asked == Next::off) co_return;
        if (!subscription_ || subscription_->prefixes.empty()) {
            co_await loop.sleep_for(interval_);
            continue;
        }
        // Clients that began together do not push together.
        auto wait = std::chrono::duration_cast<Duration>(interval_ * (0.5 + loop.rng().unit()));
        for (Next next = Next::later; next == Next::later; wait = interval_) {
            co_await loop.sleep_for(wait);
            next = co_await push(false, cluster_.after(cluster_.config().request_timeout));
            if (next == Next::off) co_return;
        }
    }
}

Telemetry::Next Telemetry::judge(ErrorCode code) const {
    switch (code) {
        case ErrorCode::unsupported_version:
        case ErrorCode::invalid_request:
        case ErrorCode::invalid_record:
            return Next::off;
        case ErrorCode::unknown_subscription_id:
        case ErrorCode::unsupported_compression_type:
            return Next::ask_again;
        default:
            return Next::later;
    }
}

runtime::Task<Telemetry::Next> Telemetry::ask() {
    protocol::GetTelemetrySubscriptionsRequest request;
    request.client_instance_id = instance_id_;
    const auto reply =
        co_await cluster_.call_any(request, cluster_.after(cluster_.config().request_timeout));
    const auto code = reply ? static_cast<ErrorCode>((*reply)->error_code) : reply.code();
    if (code != ErrorCode::none) {
        const Next next = judge(code);
        if (next != Next::off)
            LOG_INFO("client", "no telemetry subscription now: {}", error_name(code));
        subscription_.reset();
        co_return next;
    }
    const protocol::GetTelemetrySubscriptionsResponse& said = reply->body;
    instance_id_ = said.client_instance_id;
    TelemetrySubscription& to = subscription_.emplace();
    to.id = said.subscription_id;
    interval_ = std::max<Duration>(std::chrono::milliseconds(said.push_interval_ms), kIntervalMin);
    to.bytes_max = static_cast<size_t>(std::max(said.telemetry_max_bytes, 0));
    to.delta = said.delta_temporality;
    to.codec = choose_codec(said.accepted_compression_types);
    for (const auto& prefix : said.requested_metrics) to.prefixes.push_back(prefix.str());
    co_return Next::later;
}

bool TelemetrySubscription::wants(std::string_view name) const {
    return std::ranges::any_of(prefixes, [&](const std::string& prefix) {
        return prefix == "*" || name.starts_with(prefix);
    });
}

std::vector<Metric> Telemetry::wanted() const {
    std::vector<Metric> out = metrics_().all();
    std::erase_if(out, [&](const Metric& m) {
        // What has no value now, or none that is a number, cannot be told; nor do Kafka's clients
        // say how many there are.
        if (m.kind == Metric::Kind::text || std::isnan(m.value)) return true;
        if (m.group == "kafka-metrics-count") return true;
        return !subscription_->wants(telemetry_name(m));
    });
    return out;
}

std::vector<Metric> Telemetry::since_last_push(std::vector<Metric> metrics) const {
    if (!subscription_->delta) return metrics;
    for (Metric& metric : metrics) {
        if (metric.kind != Metric::Kind::counter) continue;
        const auto before = pushed_.find(key_of(metric));
        if (before != pushed_.end()) metric.value -= before->second;
    }
    return metrics;
}

Result<std::vector<uint8_t>> Telemetry::payload(std::span<const Metric> metrics) const {
    const bool delta = subscription_->delta;
    const auto plain = encode_otlp(metrics, {.resource = labels_(),
                                             .from = delta ? pushed_at_ : began_,
                                             .at = cluster_.loop().wall_ms(),
                                             .delta = delta});
    if (subscription_->codec == protocol::Codec::none) return plain;
    std::vector<uint8_t> out;
    const auto codec = subscription_->codec;
    TRY_OK(protocol::compress(codec, protocol::CompressionLevels{}.of(codec), plain, out));
    return out;
}

runtime::Task<Telemetry::Next> Telemetry::push(bool terminating, runtime::TimePoint deadline) {
    const std::vector<Metric> now = wanted();
    std::vector<Metric> said = since_last_push(now);
    auto bytes = payload(said);
    if (bytes && bytes->size() > subscription_->bytes_max) {
        // What is of one broker or partition is the larger part, and the less important.
        std::erase_if(said, [](const Metric& metric) { return !metric.tags.empty(); });
        bytes = payload(said);
    }
    if (!bytes || bytes->size() > subscription_->bytes_max) {
        LOG_WARN("client", "metrics are larger than the cluster takes: not sent");
        co_return Next::later;
    }
    protocol::PushTelemetryRequest request;
    request.client_instance_id = instance_id_;
    request.subscription_id = subscription_->id;
    request.terminating = terminating;
    request.compression_type = static_cast<int8_t>(subscription_->codec);
    request.metrics = protocol::Blob::borrow(*bytes);
    const TimestampMs at = cluster_.loop().wall_ms();
    const auto reply = co_await cluster_.call_any(request, deadline);
    const auto code = reply ? static_cast<ErrorCode>((*reply)->error_code) : reply.code();
    if (code == ErrorCode::none) {
        ++pushes_;
        pushed_at_ = at;
        for (const Metric& metric : now)
            if (metric.kind == Metric::Kind::counter) pushed_[key_of(metric)] = metric.value;
    } else {
        LOG_INFO("client", "metrics were not taken: {}", error_name(code));
    }
    co_return judge(code);
}

runtime::Task<void> Telemetry::close(runtime::TimePoint deadline) {
    if (!tasks_) co_return;
    tasks_.reset();
    if (!subscription_ || subscription_->prefixes.empty()) co_return;
    (void)co_await push(true, std::min(deadline, cluster_.after(kLastPushPatience)));
    subscription_.reset();
}

}  // namespace millrace::client
