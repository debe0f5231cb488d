// Request and response frames: int32 size, header, body.
#pragma once

#include <cstdint>

#include "protocol/api_table.h"
#include "protocol/codec.h"
#include "protocol/records/request_header.h"
#include "protocol/records/response_header.h"

namespace millrace::protocol {

// Reads the header at the front of a request (without the size) and moves `in` to the body. The
// header's version follows from its api key and version; for an ApiVersions version that is not
// known it is 2, as a client from the future sends it. The client id borrows from `in`.
// ErrorCode::unsupported_version: no such API or version; ErrorCode::malformed.
Result<RequestHeader> decode_request_header(ByteView& in);

// A whole request frame. `header.request_api_key` and `request_api_version` are set here.
template <typename Request>
Result<Chain> encode_request_frame(RequestHeader header, const Request& body, int16_t version) {
    if (!has_version<Request>(version)) return version_error(Request::kName, version);
    header.request_api_key = Request::kApiKey;
    header.request_api_version = version;
    Writer out;
    out.begin_frame();
    TRY_OK(encode(header, is_flexible<Request>(version) ? 2 : 1, out));
    TRY_OK(encode(body, version, out));
    return out.take_frame();
}

// A whole response frame.
template <typename Response>
Result<Chain> encode_response_frame(int32_t correlation_id, const Response& body, int16_t version) {
    const ApiInfo* api = find_api(Response::kApiKey);
    Writer out;
    out.begin_frame();
    ResponseHeader header;
    header.correlation_id = correlation_id;
    TRY_OK(encode(header, api->response_header(version), out));
    TRY_OK(encode(body, version, out));
    return out.take_frame();
}

// Reads the header at the front of a response to a request of `api` at `version`, and moves `in` to
// the body.
Result<ResponseHeader> decode_response_header(ByteView& in, ApiKey api, int16_t version);

}  // namespace millrace::protocol
