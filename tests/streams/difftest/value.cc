#include "value.h"

#include "errors.h"

namespace millrace::difftest {

Value Value::windowed(const Value& key, streams::Window window) {
    Value value;
    value.held_ = std::make_shared<const WithWindow>(key, window);
    return value;
}

Value Value::from_json(const Json& json) {
    if (json.is_null()) return {};
    if (json.is_number()) return json.number();
    if (json.is_bool()) return json.truth();
    if (json.is_text()) return json.text();
    if (!json.is_list()) throw CaseError("not a value: " + json.to_text());
    List list;
    for (const Json& each : json.list()) list.push_back(from_json(each));
    return list;
}

bool Value::is_true() const {
    const bool* truth = std::get_if<bool>(&held_);
    return truth && *truth;
}

template <typename T>
const T& Value::as() const {
    if (is_null()) throw streams::NullPointerException("a null where there must be none");
    if (const T* value = std::get_if<T>(&held_)) return *value;
    throw ClassCastException(show() + " is of another type");
}

int64_t Value::number() const {
    return as<int64_t>();
}
const std::string& Value::text() const {
    return as<std::string>();
}
const Value::List& Value::list() const {
    return *as<ListPtr>();
}
const Value& Value::key() const {
    return as<WindowedPtr>()->key;
}
const streams::Window& Value::window() const {
    return as<WindowedPtr>()->window;
}

std::optional<Value> Value::or_nothing() const {
    if (is_null()) return std::nullopt;
    return *this;
}

Json Value::to_json() const {
    if (is_null()) return {};
    if (const auto* number = std::get_if<int64_t>(&held_)) return *number;
    if (const auto* truth = std::get_if<bool>(&held_)) return *truth;
    if (is_text()) return text();
    if (is_list()) {
        Json::List items;
        for (const Value& each : list()) items.push_back(each.to_json());
        return items;
    }
    Json json;
    json.set("k", key().to_json()).set("start", window().start).set("end", window().end);
    return json;
}

std::string Value::show() const {
    if (is_null()) return "null";
    if (const auto* number = std::get_if<int64_t>(&held_)) return std::to_string(*number);
    if (const auto* truth = std::get_if<bool>(&held_)) return *truth ? "true" : "false";
    if (is_text()) return text();
    if (!is_list()) return fmt::format("{}@{}/{}", key().show(), window().start, window().end);
    std::string shown = "[";
    for (const char* comma = ""; const Value& each : list()) {
        shown += comma;
        shown += each.show();
        comma = ",";
    }
    return shown + "]";
}

bool operator==(const Value& a, const Value& b) {
    if (a.held_.index() != b.held_.index()) return false;
    if (a.is_list()) return a.list() == b.list();
    if (std::holds_alternative<Value::WindowedPtr>(a.held_))
        return a.key() == b.key() && a.window() == b.window();
    return a.held_ == b.held_;
}

}  // namespace millrace::difftest
