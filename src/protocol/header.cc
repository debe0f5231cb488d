#include "protocol/header.h"

#include <fmt/format.h>

namespace millrace::protocol {

Result<RequestHeader> decode_request_header(ByteView& in) {
    if (in.size() < 4) return fail(ErrorCode::malformed, "a request of fewer than 4 bytes");
    const int16_t key = load_be<int16_t>(in.data());
    const int16_t version = load_be<int16_t>(in.data() + 2);
    const ApiInfo* api = find_api(key);
    const bool any_version = api && api->key == ApiKey::api_versions;
    if (api == nullptr || (!api->has(version) && !any_version)) {
        return fail(ErrorCode::unsupported_version,
                    fmt::format("api {} has no version {}", key, version));
    }
    constexpr int16_t kFlexibleHeader = 2;
    return decode_prefix<RequestHeader>(
        in, api->has(version) ? api->request_header(version) : kFlexibleHeader);
}

Result<ResponseHeader> decode_response_header(ByteView& in, ApiKey api, int16_t version) {
    return decode_prefix<ResponseHeader>(in, api_info(api).response_header(version));
}

}  // namespace millrace::protocol
