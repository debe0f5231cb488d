#include <algorithm>

#include "config/config_def.h"

namespace millrace::config {
namespace {

// The vocabulary of schema/configs.def.
constexpr Default null{false};
constexpr Default required{true};
constexpr bool maybe_empty = true, not_empty = false, maybe_null = true, not_null = false;
constexpr Valid any{};
constexpr Valid non_empty_list{.rule = Valid::Rule::non_empty_list};
constexpr Valid non_empty_string{.rule = Valid::Rule::non_empty_string};
constexpr Valid non_null_string{.rule = Valid::Rule::non_null_string};
constexpr Valid throttled_replicas{.rule = Valid::Rule::throttled_replicas};
constexpr Valid offset_reset{.rule = Valid::Rule::offset_reset};

constexpr Valid at_least(double lowest) {
    return {.rule = Valid::Rule::range, .lowest = lowest};
}
constexpr Valid between(double lowest, double highest) {
    return {
        .rule = Valid::Rule::range, .lowest = lowest, .highest = highest, .bounded_above = true};
}
constexpr Valid between_or(double lowest, double highest, double exception) {
    Valid v = between(lowest, highest);
    v.has_exception = true;
    v.exception = exception;
    return v;
}
constexpr Valid one_of(const char* names) {
    return {.rule = Valid::Rule::one_of, .names = names};
}
constexpr Valid one_of_any_case(const char* names) {
    return {.rule = Valid::Rule::one_of_any_case, .names = names};
}
constexpr Valid list_of(const char* names, bool empty_ok, bool null_ok) {
    return {.rule = Valid::Rule::list_of, .empty_ok = empty_ok, .null_ok = null_ok, .names = names};
}

constexpr Def kTable[] = {
#define MILLRACE_CONFIG(scope, name, type, fallback, valid, importance, update, visibility, \
                        inherits)                                                           \
    {Scope::scope,   name,                                                                  \
     Type::type,     fallback,                                                              \
     valid,          Importance::importance,                                                \
     Update::update, Visibility::visibility,                                                \
     inherits},
#include "../../schema/configs.def"
#undef MILLRACE_CONFIG
};

constexpr bool sorted() {
    for (size_t i = 1; i < std::size(kTable); ++i) {
        const Def &a = kTable[i - 1], &b = kTable[i];
        if (a.scope > b.scope || (a.scope == b.scope && a.name >= b.name)) return false;
    }
    return true;
}
static_assert(sorted(),
              "the rows of a scope in schema/configs.def are sorted by name, each name once");

}  // namespace

std::span<const Def> definitions(Scope scope) {
    const auto first = std::ranges::lower_bound(kTable, scope, {}, &Def::scope);
    const auto last = std::ranges::upper_bound(kTable, scope, {}, &Def::scope);
    return {first, last};
}

const Def* find(Scope scope, std::string_view name) {
    const std::span<const Def> rows = definitions(scope);
    const auto at = std::ranges::lower_bound(rows, name, {}, &Def::name);
    return at != rows.end() && at->name == name ? &*at : nullptr;
}

std::vector<Synonym> synonyms(const Def& def) {
    std::vector<Synonym> out;
    for (std::string_view rest = def.inherits; !rest.empty();) {
        const size_t bar = rest.find('|');
        std::string_view one = rest.substr(0, bar);
        rest = bar == std::string_view::npos ? std::string_view{} : rest.substr(bar + 1);
        int64_t factor = 1;
        if (const size_t star = one.find('*'); star != std::string_view::npos) {
            factor = std::stoll(std::string(one.substr(star + 1)));
            one = one.substr(0, star);
        }
        out.push_back({one, factor});
    }
    return out;
}

}  // namespace millrace::config
