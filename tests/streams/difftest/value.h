// The values of the cases: one C++ type, which is both key and value of every stream.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "json.h"
#include "streams/windowed.h"

namespace millrace::difftest {

// Null, a 64-bit integer, true or false, a text, a list, or a key with its window. Cheap to copy.
// Inside a topology a null is an absent value; only lists and variables hold a null Value.
class Value {
public:
    using List = std::vector<Value>;

    Value() = default;
    Value(int64_t number) : held_(number) {}
    Value(bool truth) : held_(truth) {}
    Value(std::string text) : held_(std::move(text)) {}
    Value(const char* text) : held_(std::string(text)) {}
    Value(List list) : held_(std::make_shared<const List>(std::move(list))) {}
    static Value windowed(const Value& key, streams::Window window);
    // Null for nothing.
    static Value of(const Value* value) { return value ? *value : Value(); }
    static Value of(std::optional<Value> value) { return value ? *std::move(value) : Value(); }
    // CaseError for an object.
    static Value from_json(const Json& json);

    bool is_null() const { return std::holds_alternative<std::monostate>(held_); }
    bool is_true() const;
    bool is_text() const { return std::holds_alternative<std::string>(held_); }
    bool is_list() const { return std::holds_alternative<ListPtr>(held_); }

    // NullPointerException for null, ClassCastException for another type: what Java's casts do.
    int64_t number() const;
    const std::string& text() const;
    const List& list() const;
    const Value& key() const;
    const streams::Window& window() const;

    // As a table or stream has it: null is nothing.
    std::optional<Value> or_nothing() const;
    Json to_json() const;
    // As `concat` shows it.
    std::string show() const;

    friend bool operator==(const Value& a, const Value& b);

private:
    struct WithWindow;
    using ListPtr = std::shared_ptr<const List>;
    using WindowedPtr = std::shared_ptr<const WithWindow>;

    template <typename T>
    const T& as() const;

    std::variant<std::monostate, int64_t, bool, std::string, ListPtr, WindowedPtr> held_;
};

struct Value::WithWindow {
    Value key;
    streams::Window window;
};

}  // namespace millrace::difftest

// A windowed Value is a Value.
template <>
struct millrace::streams::WindowedOf<millrace::difftest::Value> {
    using type = millrace::difftest::Value;
    static type make(const type& key, Window window) { return type::windowed(key, window); }
    static const type& key(const type& windowed) { return windowed.key(); }
    static Window window(const type& windowed) { return windowed.window(); }
};
