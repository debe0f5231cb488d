#include "client/producer_config.h"

#include <fmt/format.h>

namespace millrace::client {
namespace {

Result<int16_t> parse_acks(std::string_view text) {
    if (text == "all" || text == "-1") return int16_t{-1};
    if (text == "0") return int16_t{0};
    if (text == "1") return int16_t{1};
    return fail(ErrorCode::invalid_config,
                fmt::format("acks={}: it must be one of all, -1, 0, 1", text));
}

Result<protocol::Codec> parse_codec(std::string_view text) {
    if (const auto codec = protocol::codec_from_name(text)) return *codec;
    return fail(
        ErrorCode::invalid_config,
        fmt::format("compression.type={}: it must be one of none, gzip, snappy, lz4, zstd", text));
}

}  // namespace

Result<ProducerConfig> ProducerConfig::from(const Settings& settings) {
    ProducerConfig out;
    TRY(out.client, ClientConfig::from(settings));
    const auto acks = settings.find("acks");
    if (acks) {
        TRY(out.acks, parse_acks(*acks));
    }
    // Kafka's clients leave idempotence off when acks was lowered and nothing said about it.
    if (!settings.find("enable.idempotence")) out.idempotent = out.acks == -1;
    TRY_OK(settings.read("enable.idempotence", out.idempotent));
    if (const auto codec = settings.find("compression.type")) {
        TRY(out.compression, parse_codec(*codec));
    }
    TRY_OK(settings.read("compression.gzip.level", out.compression_levels.gzip, -1, 9));
    TRY_OK(settings.read("compression.lz4.level", out.compression_levels.lz4, 1, 17));
    TRY_OK(settings.read("compression.zstd.level", out.compression_levels.zstd, -131'072, 22));
    TRY_OK(settings.read("batch.size", out.batch_size, 0, INT32_MAX));
    TRY_OK(settings.read("linger.ms", out.linger, 0));
    TRY_OK(settings.read("max.request.size", out.max_request_size, 0, INT32_MAX));
    TRY_OK(settings.read("max.in.flight.requests.per.connection", out.max_in_flight, 1, INT32_MAX));
    TRY_OK(settings.read("buffer.memory", out.buffer_memory, 0, INT64_MAX));
    TRY_OK(settings.read("max.block.ms", out.max_block, 0));
    TRY_OK(settings.read("delivery.timeout.ms", out.delivery_timeout, 0));
    bool ignore_keys = false;
    TRY_OK(settings.read("partitioner.ignore.keys", ignore_keys));
    out.partition_by_key = !ignore_keys;
    TRY_OK(settings.read("partitioner.adaptive.partitioning.enable", out.adaptive));
    TRY_OK(settings.read("transactional.id", out.transactional_id));
    TRY_OK(settings.read("transaction.timeout.ms", out.transaction_timeout, 0));
    TRY_OK(out.check());
    return out;
}

Result<void> ProducerConfig::check() const {
    const auto refuse = [](std::string why) {
        return fail(ErrorCode::invalid_config, std::move(why));
    };
    // How many batches of a producer a broker remembers for each partition.
    constexpr int kBatchesRemembered = 5;
    if (idempotent && acks != -1) return refuse("enable.idempotence needs acks=all");
    if (idempotent && max_in_flight > kBatchesRemembered)
        return refuse(
            "enable.idempotence needs max.in.flight.requests.per.connection of at most 5");
    if (!transactional_id.empty() && !idempotent)
        return refuse("transactional.id needs enable.idempotence=true");
    if (delivery_timeout < linger + client.request_timeout)
        return refuse(fmt::format(
            "delivery.timeout.ms={} must be at least linger.ms={} and request.timeout.ms={} "
            "together",
            delivery_timeout.count(), linger.count(), client.request_timeout.count()));
    return {};
}

}  // namespace millrace::client
