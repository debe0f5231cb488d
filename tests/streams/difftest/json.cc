#include "json.h"

#include <simdjson.h>

#include "base/error_code.h"
#include "errors.h"

namespace millrace::difftest {
namespace {

const Json kNull;

Result<Json> convert(simdjson::dom::element element) {
    using Kind = simdjson::dom::element_type;
    switch (element.type()) {
        case Kind::NULL_VALUE:
            return Json();
        case Kind::BOOL:
            return Json(element.get_bool().value_unsafe());
        case Kind::INT64:
            return Json(element.get_int64().value_unsafe());
        case Kind::STRING:
            return Json(element.get_string().value_unsafe());
        case Kind::ARRAY: {
            Json::List list;
            for (simdjson::dom::element each : simdjson::dom::array(element)) {
                TRY(Json value, convert(each));
                list.push_back(std::move(value));
            }
            return Json(std::move(list));
        }
        case Kind::OBJECT: {
            Json::Object object;
            for (auto [name, each] : simdjson::dom::object(element)) {
                TRY(Json value, convert(each));
                object.emplace(name, std::move(value));
            }
            return Json(std::move(object));
        }
        default:
            return fail(ErrorCode::malformed, "a number that is not a 64-bit integer");
    }
}

template <typename T, typename Held>
const T& as(const Held& held, const Json& json, std::string_view what) {
    if (const T* value = std::get_if<T>(&held)) return *value;
    throw CaseError(fmt::format("{} is not {}", json.to_text(), what));
}

void append(const Json& json, std::string& out) {
    if (json.is_null()) {
        out += "null";
    } else if (json.is_number()) {
        out += std::to_string(json.number());
    } else if (json.is_bool()) {
        out += json.truth() ? "true" : "false";
    } else if (json.is_text()) {
        append_quoted(json.text(), out);
    } else if (json.is_list()) {
        out += '[';
        for (const char* comma = ""; const Json& each : json.list()) {
            out += comma;
            append(each, out);
            comma = ",";
        }
        out += ']';
    } else {
        out += '{';
        for (const char* comma = ""; const auto& [name, each] : json.object()) {
            out += comma;
            append_quoted(name, out);
            out += ':';
            append(each, out);
            comma = ",";
        }
        out += '}';
    }
}

}  // namespace

Result<Json> Json::parse(std::string_view text) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    const simdjson::padded_string padded(text);
    if (const auto error = parser.parse(padded).get(root))
        return fail(ErrorCode::malformed, simdjson::error_message(error));
    return convert(root);
}

int64_t Json::number() const {
    return as<int64_t>(held_, *this, "a number");
}
bool Json::truth() const {
    return as<bool>(held_, *this, "true or false");
}
const std::string& Json::text() const {
    return as<std::string>(held_, *this, "a text");
}
const Json::List& Json::list() const {
    return as<List>(held_, *this, "a list");
}
const Json::Object& Json::object() const {
    return as<Object>(held_, *this, "an object");
}

const Json& Json::operator[](std::string_view name) const {
    if (!is_object()) return kNull;
    const auto found = object().find(name);
    return found == object().end() ? kNull : found->second;
}
const Json& Json::operator[](size_t index) const {
    return is_list() && index < list().size() ? list()[index] : kNull;
}
bool Json::has(std::string_view name) const {
    return is_object() && object().contains(name);
}
bool Json::flag(std::string_view name, bool otherwise) const {
    return has(name) ? (*this)[name].truth() : otherwise;
}
std::string Json::text_or(std::string_view name, std::string_view otherwise) const {
    const Json& member = (*this)[name];
    return std::string(member.is_null() ? otherwise : std::string_view(member.text()));
}
std::vector<std::string> Json::texts(std::string_view name) const {
    std::vector<std::string> texts;
    if (has(name))
        for (const Json& each : (*this)[name].list()) texts.push_back(each.text());
    return texts;
}

Json& Json::set(std::string name, Json value) {
    if (is_null()) held_ = Object();
    std::get<Object>(held_).insert_or_assign(std::move(name), std::move(value));
    return *this;
}
void Json::add(Json value) {
    if (is_null()) held_ = List();
    std::get<List>(held_).push_back(std::move(value));
}

std::string Json::to_text() const {
    std::string text;
    append(*this, text);
    return text;
}

void append_quoted(std::string_view text, std::string& out) {
    constexpr std::string_view kShort = "\"\\\b\f\n\r\t";
    constexpr std::string_view kLetters = "\"\\bfnrt";
    out += '"';
    for (const char c : text) {
        if (const size_t at = kShort.find(c); at != std::string_view::npos) {
            out += '\\';
            out += kLetters[at];
        } else if (static_cast<unsigned char>(c) < 0x20) {
            out += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
        } else {
            out += c;
        }
    }
    out += '"';
}

}  // namespace millrace::difftest
