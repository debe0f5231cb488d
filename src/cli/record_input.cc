#include "cli/record_input.h"

#include <fmt/format.h>
#include <simdjson.h>

namespace millrace::cli {
namespace {

std::optional<ByteView> bytes_or_null(std::string_view text, bool empty_is_null) {
    if (text.empty() && empty_is_null) return std::nullopt;
    return as_bytes(text);
}

// A string as its text, null as nothing, anything else as the JSON that it is.
std::optional<std::string> text_of(simdjson::dom::element element) {
    if (element.is_null()) return std::nullopt;
    std::string_view text;
    if (element.get(text) == simdjson::SUCCESS) return std::string(text);
    return simdjson::minify(element);
}

}  // namespace

Result<bool> RecordInput::next(std::string_view text, size_t& position, bool last,
                               ParsedRecord& out) {
    const std::string_view rest = text.substr(position);
    size_t end = format_.delimiter.empty() ? rest.npos : rest.find(format_.delimiter);
    if (end == rest.npos) {
        if (!last || rest.empty()) return false;
        end = rest.size();
    }
    position += std::min(end + format_.delimiter.size(), rest.size());
    ++count_;
    const std::string_view line = rest.substr(0, end);
    const auto parsed = format_.json ? parse_json(line, out) : parse_line(line, out);
    if (!parsed)
        return fail(parsed.error().code,
                    fmt::format("record {}: {}", count_, parsed.error().message));
    return true;
}

Result<void> RecordInput::parse_line(std::string_view line, ParsedRecord& out) const {
    client::Record& record = out.record_;
    record.key.reset();
    std::string_view value = line;
    if (!format_.key_delimiter.empty()) {
        const size_t at = line.find(format_.key_delimiter);
        if (at != line.npos) {
            record.key = bytes_or_null(line.substr(0, at), format_.empty_is_null);
            value = line.substr(at + format_.key_delimiter.size());
        }
    }
    record.value = bytes_or_null(value, format_.empty_is_null);
    return {};
}

Result<void> RecordInput::parse_json(std::string_view line, ParsedRecord& out) const {
    static thread_local simdjson::dom::parser parser;
    simdjson::dom::object object;
    if (const auto error = parser.parse(line.data(), line.size()).get(object))
        return fail(ErrorCode::malformed,
                    fmt::format("not a JSON object: {}", simdjson::error_message(error)));
    out.record_ = {};
    out.texts_.clear();
    out.headers_.clear();
    const auto keep = [&](simdjson::dom::element element) -> std::optional<ByteView> {
        auto text = text_of(element);
        if (!text) return std::nullopt;
        return as_bytes(out.texts_.emplace_back(*std::move(text)));
    };
    for (const auto& [name, element] : object) {
        int64_t number = 0;
        if (name == "key") {
            out.record_.key = keep(element);
        } else if (name == "value") {
            out.record_.value = keep(element);
        } else if (name == "partition" || name == "timestamp") {
            if (element.get(number) != simdjson::SUCCESS || number < -1 ||
                (name == "partition" && number > INT32_MAX))
                return fail(ErrorCode::malformed, fmt::format("'{}' must be a number", name));
            if (name == "partition")
                out.record_.partition = static_cast<PartitionIndex>(number);
            else
                out.record_.timestamp = number;
        } else if (name == "headers") {
            simdjson::dom::object headers;
            if (element.get(headers) != simdjson::SUCCESS)
                return fail(ErrorCode::malformed, "'headers' must be an object");
            for (const auto& [key, value] : headers) {
                const std::string_view kept = out.texts_.emplace_back(key);
                out.headers_.push_back({kept, keep(value)});
            }
        }
    }
    out.record_.headers = out.headers_;
    return {};
}

Result<std::string> unescape(std::string_view text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out.push_back(text[i]);
            continue;
        }
        const char what = ++i < text.size() ? text[i] : '\0';
        constexpr std::string_view kLetters = "ntr0\\";
        constexpr std::string_view kMeanings{"\n\t\r\0\\", 5};
        if (const size_t at = kLetters.find(what); what != '\0' && at != kLetters.npos) {
            out.push_back(kMeanings[at]);
            continue;
        }
        const auto digit = [&](size_t at) {
            const char c = at < text.size() ? text[at] : 'g';
            return c >= '0' && c <= '9'   ? c - '0'
                   : c >= 'a' && c <= 'f' ? c - 'a' + 10
                   : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                          : -1;
        };
        if (what != 'x' || digit(i + 1) < 0 || digit(i + 2) < 0)
            return fail(
                ErrorCode::malformed,
                fmt::format("'{}': after a backslash comes one of n t r 0 \\ or xHH", text));
        out.push_back(static_cast<char>(digit(i + 1) * 16 + digit(i + 2)));
        i += 2;
    }
    return out;
}

}  // namespace millrace::cli
