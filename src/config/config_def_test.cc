#include "config/config_def.h"

#include <doctest/doctest.h>

#include <cmath>

#include "config/text.h"

using namespace millrace;
using namespace millrace::config;

namespace {

std::string round_trip(Type type, std::string_view text) {
    const Def def{.scope = Scope::broker, .name = "x", .type = type, .fallback = Default{false}};
    const auto value = parse(def, text);
    return value ? to_text(*value).value_or("null") : "refused";
}

constexpr Scope kScopes[] = {Scope::broker, Scope::client_metrics, Scope::group, Scope::topic};

}  // namespace

TEST_CASE("every default is valid, every inheritance leads to a broker configuration") {
    size_t count = 0;
    for (const Scope scope : kScopes) {
        for (const Def& def : definitions(scope)) {
            ++count;
            CHECK(def.scope == scope);
            CHECK(find(scope, def.name) == &def);
            if (def.fallback.present)
                CHECK_MESSAGE(parse(def, def.fallback.text).has_value(), def.name);
            default_value(def);
            for (const Synonym& s : synonyms(def))
                CHECK_MESSAGE(find(Scope::broker, s.name) != nullptr, def.name);
        }
    }
    CHECK(count == 425);
    CHECK(find(Scope::topic, "no.such") == nullptr);
    CHECK(find(Scope::topic, "") == nullptr);
}

TEST_CASE("numbers are Java's") {
    struct Case {
        Type type;
        const char *text, *printed;
    };
    const Case cases[] = {
        {Type::int16, "32767", "32767"},
        {Type::int16, "32768", "refused"},
        {Type::int16, "-32768", "-32768"},
        {Type::int32, " 2147483647 ", "2147483647"},
        {Type::int32, "2147483648", "refused"},
        {Type::int32, "+7", "7"},
        {Type::int32, "+-7", "refused"},
        {Type::int32, "007", "7"},
        {Type::int32, "", "refused"},
        {Type::int32, "7L", "refused"},
        {Type::int64, "9223372036854775807", "9223372036854775807"},
        {Type::int64, "9223372036854775808", "refused"},
        {Type::int64, "-9223372036854775808", "-9223372036854775808"},
        {Type::int64, "1 2", "refused"},
        {Type::boolean, "TrUe", "true"},
        {Type::boolean, "t", "refused"},
        {Type::float64, "0.5", "0.5"},
        {Type::float64, "5", "5.0"},
        {Type::float64, "-0", "-0.0"},
        {Type::float64, "1e-3", "0.001"},
        {Type::float64, "1e-4", "1.0E-4"},
        {Type::float64, "12345678.9", "1.23456789E7"},
        {Type::float64, "9999999", "9999999.0"},
        {Type::float64, "1e7", "1.0E7"},
        {Type::float64, "1e400", "Infinity"},
        {Type::float64, "-Infinity", "-Infinity"},
        {Type::float64, "inf", "refused"},
        {Type::float64, "nan", "refused"},
        {Type::float64, "NaN", "NaN"},
        {Type::float64, "+NaN", "NaN"},
        {Type::float64, ".5f", "0.5"},
        {Type::float64, "0x1p-1", "0.5"},
        {Type::float64, "0x1p-1d", "0.5"},
        {Type::float64, "0x10", "refused"},
        {Type::float64, "1.5.2", "refused"},
        {Type::float64, "d", "refused"},
        {Type::float64, "--1", "refused"},
        {Type::float64, "1.7976931348623157E308", "1.7976931348623157E308"},
        {Type::list, " a , b,c ", "a,b,c"},
        {Type::list, "", ""},
        {Type::list, "a,,b", "a,,b"},
        {Type::string, "  x y ", "x y"},
    };
    for (const Case& c : cases) CHECK_MESSAGE(round_trip(c.type, c.text) == c.printed, c.text);
}

TEST_CASE("durations are ISO 8601's, as Java reads them") {
    struct Case {
        const char* text;
        std::optional<int64_t> ms;
    };
    const Case cases[] = {
        {"PT1H", 3'600'000},
        {"P1D", 86'400'000},
        {"p1dt2h3m4.5s", 93'784'500},
        {"-PT1H", -3'600'000},
        {"PT-1H", -3'600'000},
        {"PT0S", 0},
        {"PT0.001S", 1},
        {"PT0.0005S", 0},
        {"PT-0.0005S", -1},
        {"PT1.S", 1'000},
        {"", {}},
        {"P", {}},
        {"PT", {}},
        {"P1DT", {}},
        {"P1Y", {}},
        {"PT1M1H", {}},
        {"PT1.5H", {}},
        {"PT0.1234567890S", {}},
        {"PT1", {}},
        {"1h", {}},
        {"PT9223372036854775807H", {}},
        {"PT99999999999999999999S", {}},
    };
    for (const Case& c : cases) CHECK_MESSAGE(parse_iso_duration(c.text) == c.ms, c.text);
}
