#include "client/telemetry/otlp.h"

#include <algorithm>
#include <bit>

#include "client/telemetry/protobuf.h"

namespace millrace::client {
namespace {

constexpr uint64_t kNanosPerMs = 1'000'000;

ProtobufWriter key_value(std::string_view key, std::string_view value) {
    ProtobufWriter any;
    any.text(1, value);
    ProtobufWriter out;
    out.text(1, key);
    out.message(2, any);
    return out;
}

ProtobufWriter data_point(const Metric& metric, const OtlpFrame& frame) {
    ProtobufWriter out;
    if (metric.kind == Metric::Kind::counter)
        out.fixed64(2, static_cast<uint64_t>(frame.from) * kNanosPerMs);
    out.fixed64(3, static_cast<uint64_t>(frame.at) * kNanosPerMs);
    out.fixed64(4, std::bit_cast<uint64_t>(metric.value));
    for (const auto& [name, value] : metric.tags) {
        std::string key = name;
        std::ranges::replace(key, '-', '_');
        out.message(7, key_value(key, value));
    }
    return out;
}

ProtobufWriter metric_message(const Metric& metric, const OtlpFrame& frame) {
    ProtobufWriter data;
    data.message(1, data_point(metric, frame));
    ProtobufWriter out;
    out.text(1, telemetry_name(metric));
    if (metric.kind != Metric::Kind::counter) {
        out.message(5, data);
        return out;
    }
    data.varint(2, frame.delta ? 1 : 2);
    data.varint(3, 1);
    out.message(7, data);
    return out;
}

}  // namespace

std::vector<uint8_t> encode_otlp(std::span<const Metric> metrics, const OtlpFrame& frame) {
    ProtobufWriter resource;
    for (const auto& [key, value] : frame.resource) resource.message(1, key_value(key, value));
    ProtobufWriter scope;
    for (const Metric& metric : metrics) scope.message(2, metric_message(metric, frame));
    ProtobufWriter all;
    all.message(1, resource);
    all.message(2, scope);
    ProtobufWriter out;
    out.message(1, all);
    return out.written();
}

}  // namespace millrace::client
