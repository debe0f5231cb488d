// JSON in memory, as the cases use it: no fractions, and objects whose order does not matter.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace millrace::difftest {

class Json {
public:
    using List = std::vector<Json>;
    using Object = std::map<std::string, Json, std::less<>>;

    Json() = default;
    Json(int64_t number) : held_(number) {}
    Json(bool truth) : held_(truth) {}
    Json(std::string text) : held_(std::move(text)) {}
    Json(std::string_view text) : held_(std::string(text)) {}
    Json(const char* text) : held_(std::string(text)) {}
    Json(List list) : held_(std::move(list)) {}
    Json(Object object) : held_(std::move(object)) {}

    // Of a text that is one JSON value.
    static Result<Json> parse(std::string_view text);

    bool is_null() const { return std::holds_alternative<std::monostate>(held_); }
    bool is_number() const { return std::holds_alternative<int64_t>(held_); }
    bool is_bool() const { return std::holds_alternative<bool>(held_); }
    bool is_text() const { return std::holds_alternative<std::string>(held_); }
    bool is_list() const { return std::holds_alternative<List>(held_); }
    bool is_object() const { return std::holds_alternative<Object>(held_); }

    // CaseError for a value of another kind.
    int64_t number() const;
    bool truth() const;
    const std::string& text() const;
    const List& list() const;
    const Object& object() const;

    // A member of an object, or an element of a list; the null value where there is none.
    const Json& operator[](std::string_view name) const;
    const Json& operator[](size_t index) const;
    bool has(std::string_view name) const;
    // Of an optional member.
    bool flag(std::string_view name, bool otherwise = false) const;
    std::string text_or(std::string_view name, std::string_view otherwise) const;
    std::vector<std::string> texts(std::string_view name) const;

    Json& set(std::string name, Json value);
    void add(Json value);

    // Without blanks; members by name.
    std::string to_text() const;

    friend bool operator==(const Json&, const Json&) = default;

private:
    std::variant<std::monostate, int64_t, bool, std::string, List, Object> held_;
};

// A text as JSON writes it: only what must be escaped is.
void append_quoted(std::string_view text, std::string& out);

}  // namespace millrace::difftest
