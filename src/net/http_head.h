// The head of an HTTP/1.x request: the request line and the headers, as far as a server of
// read-only pages needs them.
//
// Strict: lines end in CRLF, names are tokens, no folded lines (RFC 9112). A pure function over
// bytes from outside.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace millrace::net {

struct HttpHead {
    std::string method;      // as sent, e.g. "GET"
    std::string path;        // begins with '/', without the query
    bool http_1_0 = false;   // else 1.1
    bool keep_alive = true;  // the client would send more
    bool has_body = false;   // a body follows
};

// `text` is everything up to and including the empty line. invalid_request: it is no such head.
// unsupported_version: HTTP, but not 1.0 or 1.1.
Result<HttpHead> parse_http_head(std::string_view text);

}  // namespace millrace::net
