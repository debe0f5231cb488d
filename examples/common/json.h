// JSON of plain structs. One description of the fields serves writing, reading and the serde:
//
//   struct Device {
//       std::string home;
//       int64_t limit = 0;
//       void fields(this auto&& self, auto&& field) {
//           field("home", self.home);
//           field("limit", self.limit);
//       }
//   };
//   builder.table<std::string, Device>("devices");   // DefaultSerde<Device> is there
//
// Fields are numbers, strings, bools, vectors, arrays, structs, and optionals, which are left out
// when they are empty. The text has no blanks, and the fields in the order of their description.
// Reading passes over fields that are not described; a missing or misfit one is
// ErrorCode::malformed.
#pragma once

#include <simdjson.h>

#include <array>
#include <charconv>
#include <concepts>
#include <optional>
#include <string>
#include <vector>

#include "streams/serde.h"

namespace millrace::examples {

namespace json_detail {
struct AnyField {
    void operator()(std::string_view, auto&) const {}
};
}  // namespace json_detail

template <typename T>
concept JsonStruct = requires(T& value) { value.fields(json_detail::AnyField{}); };

// ---- writing: each appends

inline void write_json(std::string& out, bool value) {
    out += value ? "true" : "false";
}

template <std::signed_integral T>
void write_json(std::string& out, T value) {
    char digits[24];
    out.append(digits, std::to_chars(digits, std::end(digits), value).ptr);
}

void write_json(std::string& out, std::string_view text);
inline void write_json(std::string& out, const std::string& text) {
    write_json(out, std::string_view(text));
}

template <JsonStruct T>
void write_json(std::string& out, const T& value);

// A vector or an array.
template <typename List>
    requires requires(const List& list) { list.size(), list[0]; } &&
             (!std::convertible_to<List, std::string_view>)
void write_json(std::string& out, const List& list) {
    out += '[';
    for (size_t i = 0; i < list.size(); ++i) {
        if (i > 0) out += ',';
        write_json(out, list[i]);
    }
    out += ']';
}

template <JsonStruct T>
void write_json(std::string& out, const T& value) {
    char before = '{';
    const auto member = [&](std::string_view name, const auto& field) {
        out += before;
        write_json(out, name);
        out += ':';
        write_json(out, field);
        before = ',';
    };
    value.fields([&]<typename F>(std::string_view name, const F& field) {
        if constexpr (requires { field.has_value(); }) {
            if (field) member(name, *field);
        } else {
            member(name, field);
        }
    });
    if (before == '{') out += before;
    out += '}';
}

template <typename T>
std::string to_json(const T& value) {
    std::string out;
    write_json(out, value);
    return out;
}

// ---- reading: whether it is what it should be

using JsonElement = simdjson::dom::element;

inline bool read_json(JsonElement from, bool& to) {
    return from.get(to) == simdjson::SUCCESS;
}
inline bool read_json(JsonElement from, int64_t& to) {
    return from.get(to) == simdjson::SUCCESS;
}
bool read_json(JsonElement from, std::string& to);
template <JsonStruct T>
bool read_json(JsonElement from, T& to);
template <typename T, size_t kSize>
bool read_json(JsonElement from, std::array<T, kSize>& to);

template <typename T>
bool read_json(JsonElement from, std::vector<T>& to) {
    simdjson::dom::array list;
    if (from.get(list) != simdjson::SUCCESS) return false;
    to.clear();
    for (const JsonElement element : list)
        if (!read_json(element, to.emplace_back())) return false;
    return true;
}

template <typename T, size_t kSize>
bool read_json(JsonElement from, std::array<T, kSize>& to) {
    simdjson::dom::array list;
    if (from.get(list) != simdjson::SUCCESS || list.size() != kSize) return false;
    size_t i = 0;
    for (const JsonElement element : list)
        if (!read_json(element, to[i++])) return false;
    return true;
}

template <JsonStruct T>
bool read_json(JsonElement from, T& to) {
    simdjson::dom::object object;
    if (from.get(object) != simdjson::SUCCESS) return false;
    bool good = true;
    to.fields([&]<typename F>(std::string_view name, F& field) {
        JsonElement element;
        const bool there = object.at_key(name).get(element) == simdjson::SUCCESS;
        if constexpr (requires { field.emplace(); }) {
            field.reset();
            if (there) good &= read_json(element, field.emplace());
        } else {
            good &= there && read_json(element, field);
        }
    });
    return good;
}

// The root of a text, good until the next call on this thread; nothing, if it is no JSON.
std::optional<JsonElement> parse_json(std::string_view text);
Error not_as_described(std::string_view text);

template <typename T>
Result<T> from_json(std::string_view text) {
    T value;
    const std::optional<JsonElement> root = parse_json(text);
    if (!root || !read_json(*root, value)) return not_as_described(text);
    return value;
}

template <typename T>
struct JsonSerde {
    void serialize(const T& value, streams::Bytes& out) const { write_json(out, value); }
    Result<T> deserialize(streams::BytesView bytes) const { return from_json<T>(bytes); }
};

}  // namespace millrace::examples

template <millrace::examples::JsonStruct T>
struct millrace::streams::DefaultSerde<T> {
    static Serde<T> make() { return examples::JsonSerde<T>{}; }
};
