#include "broker/client_connection.h"

#include "broker/api_registry.h"
#include "protocol/header.h"
#include "protocol/messages/api_versions.h"

namespace millrace::broker {
namespace {

constexpr int16_t kApiVersionsKey = protocol::ApiVersionsRequest::kApiKey;
constexpr size_t kSizeBytes = 4;  // in front of each frame

// The only answer to an ApiVersions version that is not served: v0, and the range that is
// (KIP-511).
Result<void> answer_unsupported_api_versions(int32_t correlation_id, protocol::Writer& out) {
    protocol::ApiVersionsResponse response;
    response.error_code = static_cast<int16_t>(ErrorCode::unsupported_version);
    const Api& api = *find_api(kApiVersionsKey);
    response.api_keys.push_back(
        {.api_key = api.key, .min_version = api.version_min, .max_version = api.version_max});
    out.begin_frame();
    out.number<int32_t>(correlation_id);
    return protocol::encode(response, 0, out);
}

}  // namespace

runtime::Task<Result<Chain>> ClientConnection::handle(SharedBytes frame) {
    const auto received = broker_.loop().read_clock();
    ByteView body = frame.view;
    const auto header = protocol::decode_request_header(body);
    if (!header) {
        ++broker_.metrics().refused_frames;
        co_return header.error();
    }
    const int16_t key = header->request_api_key;
    const int16_t version = header->request_api_version;
    const Api* api = find_api(key);
    if (!api || version < api->version_min ||
        version > api->offered_max(broker_.config().values().unstable_api_versions)) {
        if (key == kApiVersionsKey) {
            CO_TRY_OK(answer_unsupported_api_versions(header->correlation_id, out_));
            co_return out_.take_frame();
        }
        ++broker_.metrics().refused_frames;
        co_return fail(ErrorCode::unsupported_version,
                       fmt::format("API {} version {} is not served", key, version));
    }

    RequestContext context{
        .connection = state_,
        .api_key = key,
        .version = version,
        .correlation_id = header->correlation_id,
        .client_id = header->client_id ? header->client_id->view() : std::string_view{},
        .frame = std::move(frame),
        .received = received};
    out_.begin_frame();
    out_.number<int32_t>(header->correlation_id);
    // Whoever reads an ApiVersions answer does not know yet what the broker speaks, so its header
    // never has tags.
    if (version >= api->flexible_from && key != kApiVersionsKey) out_.number<uint8_t>(0);
    const auto handled = co_await api->handle(broker_, context, body, out_);
    Chain answer = out_.take_frame();
    ApiMetrics& metrics = broker_.metrics().apis[static_cast<size_t>(key)];
    ++metrics.requests;
    metrics.bytes_in += context.frame.size();
    if (!handled) {
        ++broker_.metrics().refused_frames;
        Error error = handled.error();
        error.message = fmt::format("API {} version {}: {}", key, version, error.message);
        co_return error;
    }
    if (!*handled) co_return Chain{};
    metrics.bytes_out += answer.size() - kSizeBytes;
    metrics.time.record(static_cast<uint64_t>((broker_.loop().read_clock() - received).count()));
    co_return answer;
}

}  // namespace millrace::broker
