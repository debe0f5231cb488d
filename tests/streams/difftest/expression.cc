#include "expression.h"

#include <algorithm>
#include <charconv>

#include "errors.h"

namespace millrace::difftest {
namespace {

using Args = std::vector<Value>;

// Java's arithmetic wraps around.
int64_t wrapped(uint64_t bits) {
    return static_cast<int64_t>(bits);
}
uint64_t bits(const Value& value) {
    return static_cast<uint64_t>(value.number());
}

int64_t floor_div(int64_t a, int64_t b) {
    if (b == 0) throw streams::IllegalArgumentException("/ by zero");
    if (b == -1) return wrapped(0 - static_cast<uint64_t>(a));
    const int64_t quotient = a / b;
    return quotient * b != a && (a < 0) != (b < 0) ? quotient - 1 : quotient;
}

int64_t floor_mod(int64_t a, int64_t b) {
    return wrapped(static_cast<uint64_t>(a) -
                   static_cast<uint64_t>(floor_div(a, b)) * static_cast<uint64_t>(b));
}

int compare(const Value& a, const Value& b) {
    if (a.is_text()) return a.text().compare(b.text());
    return a.number() < b.number() ? -1 : a.number() > b.number() ? 1 : 0;
}

int64_t parsed(std::string_view text) {
    const auto blank = [](char c) { return static_cast<unsigned char>(c) <= ' '; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    const std::string shown(text);
    if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
    int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size())
        throw NumberFormatException(fmt::format("For input string: \"{}\"", shown));
    return number;
}

Value cased(std::string text, int (*change)(int)) {
    for (char& c : text) c = static_cast<char>(change(static_cast<unsigned char>(c)));
    return text;
}

Value split(const std::string& text, const std::string& separator) {
    Value::List parts;
    size_t from = 0;
    while (true) {
        const size_t to = text.find(separator, from);
        std::string part = text.substr(from, to == std::string::npos ? to : to - from);
        if (!part.empty()) parts.emplace_back(std::move(part));
        if (to == std::string::npos) return parts;
        from = to + separator.size();
    }
}

Value substring(const std::string& text, int64_t from, int64_t to) {
    const auto size = static_cast<int64_t>(text.size());
    from = std::min(from, size);
    to = std::max(from, std::min(to, size));
    if (from < 0) throw streams::IllegalArgumentException("a text has no place before its first");
    return text.substr(static_cast<size_t>(from), static_cast<size_t>(to - from));
}

Value appended(const Value& list, const Value& item) {
    Value::List longer;
    if (!list.is_null()) longer = list.list();
    longer.push_back(item);
    return longer;
}

Value sorted(Value::List list) {
    std::ranges::sort(list, [](const Value& a, const Value& b) { return compare(a, b) < 0; });
    return list;
}

Value without(Value::List list, const Value& item) {
    const auto found = std::ranges::find(list, item);
    if (found != list.end()) list.erase(found);
    return list;
}

Value repeated(const std::string& text, int64_t times) {
    if (times < 0) throw streams::IllegalArgumentException("a text repeated less than no times");
    std::string result;
    for (int64_t i = 0; i < times; ++i) result += text;
    return result;
}

Value at(const Value::List& list, int64_t index) {
    if (index < 0 || index >= static_cast<int64_t>(list.size())) return {};
    return list[static_cast<size_t>(index)];
}

Value joined(const Args& args) {
    Value::List all;
    for (const Value& each : args) all.insert(all.end(), each.list().begin(), each.list().end());
    return all;
}

Value concat(const Args& args) {
    std::string text;
    for (const Value& each : args) text += each.show();
    return text;
}

Value length(const Value& value) {
    return static_cast<int64_t>(value.is_list() ? value.list().size() : value.text().size());
}

template <typename F>
Value folded(const Args& args, uint64_t from, F combine) {
    for (const Value& each : args) from = combine(from, bits(each));
    return wrapped(from);
}

using Function = Value (*)(const Args&);

// Functions that take nulls.
const std::map<std::string, Function, std::less<>> kTakingNulls = {
    {"list", [](const Args& a) { return Value(a); }},
    {"isnull", [](const Args& a) { return Value(a.at(0).is_null()); }},
    {"eq", [](const Args& a) { return Value(a.at(0) == a.at(1)); }},
    {"ne", [](const Args& a) { return Value(!(a.at(0) == a.at(1))); }},
    {"not", [](const Args& a) { return Value(!a.at(0).is_true()); }},
    {"concat", concat},
    {"str", [](const Args& a) { return a.at(0).is_null() ? Value() : Value(a[0].show()); }},
    {"append", [](const Args& a) { return appended(a.at(0), a.at(1)); }},
    {"fail", [](const Args& a) -> Value { throw CaseFailure(a.at(0).show()); }},
};

// Functions whose result is null when an operand is.
const std::map<std::string, Function, std::less<>> kOfValues = {
    {"add", [](const Args& a) { return folded(a, 0, std::plus<>()); }},
    {"sub", [](const Args& a) { return Value(wrapped(bits(a.at(0)) - bits(a.at(1)))); }},
    {"mul", [](const Args& a) { return folded(a, 1, std::multiplies<>()); }},
    {"div", [](const Args& a) { return Value(floor_div(a.at(0).number(), a.at(1).number())); }},
    {"mod", [](const Args& a) { return Value(floor_mod(a.at(0).number(), a.at(1).number())); }},
    {"min", [](const Args& a) { return Value(std::min(a.at(0).number(), a.at(1).number())); }},
    {"max", [](const Args& a) { return Value(std::max(a.at(0).number(), a.at(1).number())); }},
    {"lt", [](const Args& a) { return Value(compare(a.at(0), a.at(1)) < 0); }},
    {"le", [](const Args& a) { return Value(compare(a.at(0), a.at(1)) <= 0); }},
    {"gt", [](const Args& a) { return Value(compare(a.at(0), a.at(1)) > 0); }},
    {"ge", [](const Args& a) { return Value(compare(a.at(0), a.at(1)) >= 0); }},
    {"int", [](const Args& a) { return Value(parsed(a.at(0).text())); }},
    {"len", [](const Args& a) { return length(a.at(0)); }},
    {"upper", [](const Args& a) { return cased(a.at(0).text(), toupper); }},
    {"lower", [](const Args& a) { return cased(a.at(0).text(), tolower); }},
    {"split", [](const Args& a) { return split(a.at(0).text(), a.at(1).text()); }},
    {"substr",
     [](const Args& a) { return substring(a.at(0).text(), a.at(1).number(), a.at(2).number()); }},
    {"at", [](const Args& a) { return at(a.at(0).list(), a.at(1).number()); }},
    {"sort", [](const Args& a) { return sorted(a.at(0).list()); }},
    {"without", [](const Args& a) { return without(a.at(0).list(), a.at(1)); }},
    {"joinall", joined},
    {"rep", [](const Args& a) { return repeated(a.at(0).text(), a.at(1).number()); }},
    {"wkey", [](const Args& a) { return a.at(0).key(); }},
    {"wstart", [](const Args& a) { return Value(a.at(0).window().start); }},
    {"wend", [](const Args& a) { return Value(a.at(0).window().end); }},
};

constexpr std::array<std::string_view, 6> kStoreReads = {"get",   "getTs",      "getAsOf",
                                                         "fetch", "fetchRange", "fetchSession"};

Value variable(const std::string& text, const Variables& variables) {
    if (!text.starts_with('$')) return text;
    if (text.starts_with("$$")) return text.substr(1);
    const auto found = variables.find(std::string_view(text).substr(1));
    if (found == variables.end()) throw CaseError("unknown variable " + text);
    return found->second;
}

Value call(const std::string& function, const Args& args, const StoreCall& stores) {
    if (const auto found = kTakingNulls.find(function); found != kTakingNulls.end())
        return found->second(args);
    if (std::ranges::find(kStoreReads, function) != kStoreReads.end()) {
        if (!stores) throw CaseError("no stores here: " + function);
        return stores(function, args);
    }
    const auto found = kOfValues.find(function);
    if (found == kOfValues.end()) throw CaseError("unknown function " + function);
    if (std::ranges::any_of(args, &Value::is_null)) return {};
    return found->second(args);
}

// The forms that evaluate only what they need; nothing for any other.
std::optional<Value> lazily(const std::string& form, const Json::List& parts,
                            const Variables& variables, const StoreCall& stores) {
    const auto part = [&](size_t i) { return evaluate(parts.at(i), variables, stores); };
    if (form == "if") return part(1).is_true() ? part(2) : part(3);
    if (form == "and" || form == "or") {
        const bool decides = form == "or";
        for (size_t i = 1; i < parts.size(); ++i)
            if (part(i).is_true() == decides) return decides;
        return !decides;
    }
    if (form != "coalesce") return std::nullopt;
    for (size_t i = 1; i < parts.size(); ++i)
        if (Value value = part(i); !value.is_null()) return value;
    return Value();
}

}  // namespace

Value evaluate(const Json& expression, const Variables& variables, const StoreCall& stores) {
    if (expression.is_text()) return variable(expression.text(), variables);
    if (!expression.is_list()) return Value::from_json(expression);
    const Json::List& parts = expression.list();
    const std::string& function = expression[0].text();
    if (auto value = lazily(function, parts, variables, stores)) return *std::move(value);
    Args args;
    for (size_t i = 1; i < parts.size(); ++i) args.push_back(evaluate(parts[i], variables, stores));
    return call(function, args, stores);
}

}  // namespace millrace::difftest
