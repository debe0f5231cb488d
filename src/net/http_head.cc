#include "net/http_head.h"

#include <algorithm>

namespace millrace::net {
namespace {

Error bad(std::string_view what) {
    return fail(ErrorCode::invalid_request, std::string(what));
}

bool is_token(std::string_view text) {
    constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
    return !text.empty() && std::ranges::all_of(text, [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               kOthers.find(c) != std::string_view::npos;
    });
}

bool is_visible(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

// `lower` is in lower case.
bool equals(std::string_view text, std::string_view lower) {
    return std::ranges::equal(text, lower, {}, [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
}

std::string_view without_blanks(std::string_view text) {
    const size_t first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool has_element(std::string_view list, std::string_view lower) {
    for (;;) {
        const size_t comma = list.find(',');
        if (equals(without_blanks(list.substr(0, comma)), lower)) return true;
        if (comma == std::string_view::npos) return false;
        list = list.substr(comma + 1);
    }
}

Result<HttpHead> parse_request_line(std::string_view line) {
    const size_t first = line.find(' '), last = line.rfind(' ');
    if (first == std::string_view::npos || first == last)
        return bad("the request line is not METHOD TARGET VERSION");
    const std::string_view method = line.substr(0, first), version = line.substr(last + 1);
    std::string_view target = line.substr(first + 1, last - first - 1);
    if (!is_token(method)) return bad("the method is no token");
    if (!version.starts_with("HTTP/")) return bad("the version is not HTTP's");
    if (version != "HTTP/1.1" && version != "HTTP/1.0") return fail(ErrorCode::unsupported_version);
    if (!target.starts_with('/') || !is_visible(target)) return bad("the target is no path");
    target = target.substr(0, target.find('?'));
    HttpHead head{.method = std::string(method), .path = std::string(target)};
    head.http_1_0 = version == "HTTP/1.0";
    head.keep_alive = !head.http_1_0;
    return head;
}

Result<void> read_header(std::string_view line, HttpHead& head, int& hosts) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !is_token(line.substr(0, colon)))
        return bad("a header is not NAME: VALUE");
    const std::string_view name = line.substr(0, colon),
                           value = without_blanks(line.substr(colon + 1));
    if (value.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos)
        return bad("a header has a control character");
    if (equals(name, "host")) ++hosts;
    if (equals(name, "connection")) {
        if (has_element(value, "close")) head.keep_alive = false;
        if (has_element(value, "keep-alive") && head.http_1_0) head.keep_alive = true;
    }
    if (equals(name, "transfer-encoding")) head.has_body = true;
    if (equals(name, "content-length") && value != "0") head.has_body = true;
    return {};
}

}  // namespace

Result<HttpHead> parse_http_head(std::string_view text) {
    size_t end = text.find("\r\n");
    if (end == std::string_view::npos || !text.ends_with("\r\n\r\n"))
        return bad("the head has no end");
    TRY(HttpHead head, parse_request_line(text.substr(0, end)));
    int hosts = 0;
    for (text = text.substr(end + 2); text != "\r\n"; text = text.substr(end + 2)) {
        end = text.find("\r\n");
        if (end == std::string_view::npos || end == 0) return bad("an empty line in the head");
        TRY_OK(read_header(text.substr(0, end), head, hosts));
    }
    if (hosts > 1 || (hosts == 0 && !head.http_1_0)) return bad("there must be one Host header");
    return head;
}

}  // namespace millrace::net
