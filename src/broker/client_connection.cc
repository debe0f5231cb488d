#include "broker/client_connection.h"

#include "base/varint.h"
#include "broker/api_registry.h"
#include "protocol/messages/api_versions.h"

namespace millrace::broker {
namespace {

constexpr int16_t kApiVersionsKey = protocol::ApiVersionsRequest::kApiKey;

Error malformed(const char* what) {
    return fail(ErrorCode::malformed, fmt::format("request header: {}", what));
}

// The only answer to an ApiVersions version that is not served: v0, and the range that is
// (KIP-511).
Result<void> answer_unsupported_api_versions(int32_t correlation_id, protocol::Writer& out) {
    protocol::ApiVersionsResponse response;
    response.error_code = static_cast<int16_t>(ErrorCode::unsupported_version);
    const Api& api = *find_api(kApiVersionsKey);
    response.api_keys.push_back(
        {.api_key = api.key, .min_version = api.version_min, .max_version = api.version_max});
    out.number<int32_t>(correlation_id);
    return protocol::encode(response, 0, out);
}

}  // namespace

Result<RequestHeader> parse_request_header(ByteView frame) {
    constexpr size_t kFixedBytes = 10;
    if (frame.size() < kFixedBytes) return malformed("cut short");
    RequestHeader header;
    header.api_key = load_be<int16_t>(frame.data());
    header.version = load_be<int16_t>(frame.data() + 2);
    header.correlation_id = load_be<int32_t>(frame.data() + 4);
    const auto length = load_be<int16_t>(frame.data() + 8);
    header.body = frame.subspan(kFixedBytes);
    if (length < -1) return malformed("negative length of the client id");
    if (length < 0) return header;
    if (header.body.size() < static_cast<size_t>(length))
        return malformed("cut short in the client id");
    header.client_id = as_text(header.body.first(static_cast<size_t>(length)));
    header.body = header.body.subspan(static_cast<size_t>(length));
    return header;
}

Result<void> skip_header_tags(RequestHeader& header) {
    const uint8_t* p = header.body.data();
    const uint8_t* const end = p + header.body.size();
    uint32_t count = 0;
    p = read_uvarint32(p, end, count);
    for (; p && count > 0; --count) {
        uint32_t tag = 0;
        uint32_t size = 0;
        p = read_uvarint32(p, end, tag);
        if (p) p = read_uvarint32(p, end, size);
        if (!p || static_cast<size_t>(end - p) < size)
            return malformed("cut short in the tagged fields");
        p += size;
    }
    if (!p) return malformed("cut short in the tagged fields");
    header.body = {p, static_cast<size_t>(end - p)};
    return {};
}

runtime::Task<Result<Chain>> ClientConnection::handle(SharedBytes frame) {
    const auto received = broker_.loop().now();
    CO_TRY(RequestHeader header, parse_request_header(frame.view));
    const Api* api = find_api(header.api_key);
    if (!api || header.version < api->version_min || header.version > api->version_max) {
        if (header.api_key == kApiVersionsKey) {
            CO_TRY_OK(skip_header_tags(header));
            CO_TRY_OK(answer_unsupported_api_versions(header.correlation_id, out_));
            co_return out_.take();
        }
        ++broker_.metrics().refused_frames;
        co_return fail(
            ErrorCode::unsupported_version,
            fmt::format("API {} version {} is not served", header.api_key, header.version));
    }
    const bool flexible = header.version >= api->flexible_from;
    if (flexible) CO_TRY_OK(skip_header_tags(header));

    RequestContext context{.connection = state_,
                           .api_key = header.api_key,
                           .version = header.version,
                           .correlation_id = header.correlation_id,
                           .client_id = header.client_id,
                           .frame = std::move(frame),
                           .received = received};
    out_.number<int32_t>(header.correlation_id);
    // Whoever reads an ApiVersions answer does not know yet what the broker speaks, so its header
    // never has tags.
    if (flexible && header.api_key != kApiVersionsKey) out_.number<uint8_t>(0);
    const auto handled = co_await api->handle(broker_, context, header.body, out_);
    Chain answer = out_.take();
    ApiMetrics& metrics = broker_.metrics().apis[static_cast<size_t>(header.api_key)];
    ++metrics.requests;
    metrics.bytes_in += context.frame.size();
    if (!handled) {
        ++broker_.metrics().refused_frames;
        Error error = handled.error();
        error.message =
            fmt::format("API {} version {}: {}", header.api_key, header.version, error.message);
        co_return error;
    }
    if (!*handled) co_return Chain{};
    metrics.bytes_out += answer.size();
    metrics.time.record(static_cast<uint64_t>((broker_.loop().now() - received).count()));
    co_return answer;
}

}  // namespace millrace::broker
