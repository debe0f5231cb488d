// config/config_def.h: what a configuration is: its name, type, default and valid values, and the
// reading of one value.
//
// The table is schema/configs.def (Kafka's ConfigDef in KafkaConfig, LogConfig, GroupConfig and
// ClientMetricsConfigs); this file gives it types and look-ups. All of it is constant data and pure
// functions; any thread may use it. Checks that span several values are in validate.h. Errors:
// invalid_config, with Kafka's information: the name, the value, and what is allowed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace millrace::config {

enum class Scope : uint8_t { broker, client_metrics, group, topic };
// The numbers are DescribeConfigs' ConfigType.
enum class Type : int8_t {
    boolean = 1,
    string,
    int32,
    int16,
    int64,
    float64,
    list,
    class_name,
    password
};
enum class Importance : uint8_t { high, medium, low };
enum class Update : uint8_t { read_only, per_broker, cluster_wide, free };
enum class Visibility : uint8_t { shown, hidden };

// A default: a text, no value, or "the operator must say".
struct Default {
    constexpr Default(const char* said) : text(said), present(true) {}
    constexpr explicit Default(bool must_be_said) : required(must_be_said) {}
    std::string_view text;
    bool present = false;
    bool required = false;
};

// Which values of the type are allowed.
struct Valid {
    enum class Rule : uint8_t {
        any,               // whatever the type can hold, also no value
        range,             // lowest <= value <= highest, or value == exception
        one_of,            // `names`, separated by commas, as written
        one_of_any_case,   // `names`, in whatever case
        list_of,           // a list without duplicates; elements from `names` unless that is empty
        non_empty_list,    // any list; an empty one only as "no value"
        non_empty_string,  // an empty text is refused, no value is not
        non_null_string,   // an empty text is fine, no value is refused
        throttled_replicas,  // partition:broker pairs, `*`, or nothing
        offset_reset,        // latest, earliest or by_duration:<ISO 8601 duration>
    };
    Rule rule = Rule::any;
    double lowest = 0, highest = 0, exception = 0;
    bool bounded_above = false, has_exception = false;
    bool empty_ok = false, null_ok = false;
    std::string_view names;
};

struct Def {
    Scope scope;
    std::string_view name;
    Type type;
    Default fallback;
    Valid valid;
    Importance importance;
    Update update;
    Visibility visibility;
    std::string_view inherits;  // see synonyms()

    bool sensitive() const { return type == Type::password; }
};

// Null is monostate; INT, SHORT and LONG are int64_t; STRING, CLASS and PASSWORD are std::string.
using Value =
    std::variant<std::monostate, bool, int64_t, double, std::string, std::vector<std::string>>;

// Sorted by name.
std::span<const Def> definitions(Scope scope);
// Null when there is no such configuration.
const Def* find(Scope scope, std::string_view name);

// Where a topic's or group's value comes from when it has none of its own, best first: a broker
// configuration, whose value times `factor` is the one in the unit of the heir.
struct Synonym {
    std::string_view name;
    int64_t factor;
};
std::vector<Synonym> synonyms(const Def& def);

// The value that `text` says (no text: null), if it is of the type and allowed. Blanks around it
// and around list elements are dropped, numbers are Java's. Default texts always parse (a test
// shows it).
Result<Value> parse(const Def& def, std::optional<std::string_view> text);
// The default's value; null when the default is no value or `required`.
Value default_value(const Def& def);
// As Kafka prints it: lists joined by commas, doubles as Java does; nullopt for null.
std::optional<std::string> to_text(const Value& value);

// "LONG", ...
std::string_view type_name(Type type);
// What is allowed, for a message: "at least 1", "one of delete, compact", ...; empty when there is
// no rule.
std::string describe_valid(const Def& def);

// Kafka's list syntax: split at commas, blanks around elements dropped; a blank text is the empty
// list.
std::vector<std::string> split_list(std::string_view text);

}  // namespace millrace::config
