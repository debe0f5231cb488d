#include "json.h"

#include <fmt/format.h>

namespace millrace::examples {

void write_json(std::string& out, std::string_view text) {
    out += '"';
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20) {
            out += fmt::format("\\u{:04x}", static_cast<int>(c));
        } else {
            out += c;
        }
    }
    out += '"';
}

bool read_json(JsonElement from, std::string& to) {
    std::string_view text;
    if (from.get(text) != simdjson::SUCCESS) return false;
    to = text;
    return true;
}

std::optional<JsonElement> parse_json(std::string_view text) {
    static thread_local simdjson::dom::parser parser;
    JsonElement root;
    if (parser.parse(text.data(), text.size()).get(root) != simdjson::SUCCESS) return std::nullopt;
    return root;
}

Error not_as_described(std::string_view text) {
    return fail(ErrorCode::malformed,
                fmt::format("not the JSON that was expected: {}", text.substr(0, 200)));
}

}  // namespace millrace::examples
