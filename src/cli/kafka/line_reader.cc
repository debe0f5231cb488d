#include "cli/kafka/line_reader.h"

namespace millrace::cli::kafka {
namespace {

Error refused(std::string_view why) {
    return fail(ErrorCode::invalid_request,
                fmt::format("org.apache.kafka.common.KafkaException: {}", why));
}

}  // namespace

Result<LineReader> LineReader::make(const Properties& properties) {
    LineReader out;
    out.parse_key_ = properties.is_true("parse.key");
    out.parse_headers_ = properties.is_true("parse.headers");
    out.ignore_error_ = properties.is_true("ignore.error");
    out.key_separator_ = properties.get("key.separator", "\t");
    out.headers_delimiter_ = properties.get("headers.delimiter", "\t");
    out.headers_separator_ = properties.get("headers.separator", ",");
    out.header_key_separator_ = properties.get("headers.key.separator", ":");
    out.null_marker_ = properties.find("null.marker");
    const std::pair<std::string_view, std::string_view> named[] = {
        {"headers.delimiter", out.headers_delimiter_},
        {"headers.separator", out.headers_separator_},
        {"headers.key.separator", out.header_key_separator_},
    };
    for (size_t i = 0; i != std::size(named); ++i)
        for (size_t j = i + 1; j != std::size(named); ++j)
            if (named[i].second == named[j].second)
                return refused(
                    fmt::format("{} and {} may not be equal", named[i].first, named[j].first));
    if (!out.null_marker_) return out;
    if (out.is_null(out.key_separator_))
        return refused("null.marker and key.separator may not be equal");
    for (const size_t i : {1, 0, 2})
        if (out.is_null(named[i].second))
            return refused(fmt::format("null.marker and {} may not be equal", named[i].first));
    return out;
}

// What comes before `separator`; `rest` is then what is behind it.
Result<void> LineReader::cut(std::string_view line, std::string_view& rest,
                             std::string_view separator, std::string_view what,
                             std::optional<std::string_view>& out) const {
    const size_t at = rest.find(separator);
    if (at == rest.npos) {
        if (ignore_error_) return {};
        return refused(
            fmt::format("No {} found on line number {}: '{}'", what, line_number_, line));
    }
    out = rest.substr(0, at);
    rest.remove_prefix(at + separator.size());
    return {};
}

Result<void> LineReader::read_headers(std::string_view text,
                                      std::vector<client::RecordHeader>& headers) const {
    std::vector<std::string_view> pairs;
    for (std::string_view rest = text;;) {
        const size_t end = headers_separator_.empty() ? rest.npos : rest.find(headers_separator_);
        pairs.push_back(rest.substr(0, end));
        if (end == rest.npos) break;
        rest.remove_prefix(end + headers_separator_.size());
    }
    // Separators at the end separate nothing.
    while (pairs.size() > 1 && pairs.back().empty()) pairs.pop_back();
    for (const std::string_view pair : pairs) {
        const size_t at = pair.find(header_key_separator_);
        if (at == pair.npos && !ignore_error_)
            return refused(
                fmt::format("No header key separator found in pair '{}' on line number {}", pair,
                            line_number_));
        const std::string_view key = pair.substr(0, at);
        if (is_null(key))
            return refused(
                fmt::format("Header keys should not be equal to the null marker '{}' as they can't "
                            "be null",
                            *null_marker_));
        client::RecordHeader header{key, std::nullopt};
        if (at != pair.npos) {
            const std::string_view value = pair.substr(at + header_key_separator_.size());
            if (!is_null(value)) header.value = as_bytes(value);
        }
        headers.push_back(header);
    }
    return {};
}

Result<client::Record> LineReader::read(std::string_view line,
                                        std::vector<client::RecordHeader>& headers) {
    ++line_number_;
    headers.clear();
    std::optional<std::string_view> head;
    std::optional<std::string_view> key;
    std::string_view rest = line;
    if (parse_headers_) TRY_OK(cut(line, rest, headers_delimiter_, "headers delimiter", head));
    if (head && !is_null(*head)) TRY_OK(read_headers(*head, headers));
    if (parse_key_) TRY_OK(cut(line, rest, key_separator_, "key separator", key));
    client::Record out;
    if (key && !is_null(*key)) out.key = as_bytes(*key);
    if (!is_null(rest)) out.value = as_bytes(rest);
    out.headers = headers;
    return out;
}

bool next_line(std::string_view text, size_t& position, bool last, std::string_view& line) {
    const std::string_view rest = text.substr(position);
    const size_t end = rest.find_first_of("\r\n");
    if (end == rest.npos) {
        if (!last || rest.empty()) return false;
        line = rest;
        position = text.size();
        return true;
    }
    // A "\n" that belongs to the "\r" may come later.
    if (rest[end] == '\r' && end + 1 == rest.size() && !last) return false;
    line = rest.substr(0, end);
    const bool both = rest[end] == '\r' && end + 1 != rest.size() && rest[end + 1] == '\n';
    position += end + (both ? 2 : 1);
    return true;
}

}  // namespace millrace::cli::kafka
