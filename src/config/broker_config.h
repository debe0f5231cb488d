// config/broker_config.h: the configuration of this node: server.properties, --set, and what was
// altered dynamically.
//
// Precedence, best first: dynamic for this broker, dynamic for all brokers, static (file, then
// --set over it), default. A BrokerConfig is an immutable value; a dynamic change makes a new one
// (with_dynamic), which its owner shares as shared_ptr<const BrokerConfig>. Errors of load():
// invalid_config, naming file, line, name, value and what is allowed. Unknown names are kept, and
// warned of.
// Kafka: KafkaConfig, DynamicBrokerConfig.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "config/config_def.h"
#include "config/validate.h"

namespace millrace::config {

// DescribeConfigs' ConfigSource numbers.
enum class Source : int8_t {
    unknown = 0,
    dynamic_topic = 1,
    dynamic_broker = 2,
    dynamic_default_broker = 3,
    static_broker = 4,
    default_value = 5,
    dynamic_broker_logger = 6,
    client_metrics = 7,
    group = 8,
};

// One of `listeners` or `advertised.listeners`: NAME://host:port. An empty host means every
// address.
struct Endpoint {
    std::string listener;  // upper case as written, e.g. PLAINTEXT
    std::string host;
    int32_t port = 0;
    std::string security_protocol;  // by listener.security.protocol.map
    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// The configurations that our code reads often, as fields: the effective values. The list is
// broker_values.def.
struct BrokerValues {
#define MILLRACE_BROKER_VALUE(type, field, name) type field{};
#include "config/broker_values.def"
#undef MILLRACE_BROKER_VALUE
    friend bool operator==(const BrokerValues&, const BrokerValues&) = default;
};

class BrokerConfig {
public:
    // Where a static value was said, for messages.
    struct Origin {
        std::string file;  // a file's name, "--set", or "" for what load() filled in
        int line = 0;      // 0: no line
    };
    struct Loaded;

    // As load() of nothing. For tests, and the base of a node without a file.
    static BrokerConfig defaults();
    // `text` is the file's content (`file` names it in messages), `sets` are "key=value" and win
    // over it. What every node needs and neither says is filled in: node.id=1,
    // process.roles=broker,controller, controller.listener.names=CONTROLLER.
    // `fallbacks` are "key=value", too, for what nobody says.
    static Result<Loaded> load(std::string_view text, std::string_view file,
                               const std::vector<std::string>& sets,
                               const std::vector<std::string>& fallbacks = {});
    // The same static part with these dynamic overrides. Values that do not parse are passed over,
    // as Kafka does.
    BrokerConfig with_dynamic(Overrides for_this, Overrides for_all) const;
    // The rules that span values, e.g. a minimum above its maximum. invalid_config; the message
    // begins "<name>: ".
    Result<void> check() const;

    const BrokerValues& values() const { return values_; }

    // Generic look-up of the effective value. INVARIANT: the name is known and of the type.
    bool boolean(std::string_view name) const;
    int64_t int64(std::string_view name) const;  // INT, SHORT, LONG
    int32_t int32(std::string_view name) const;  // INT, SHORT
    double float64(std::string_view name) const;
    std::string string(std::string_view name) const;  // "" for null
    std::vector<std::string> list(std::string_view name) const;
    bool is_null(std::string_view name) const;
    // The effective text as it was said, also of unknown names; nothing for null.
    std::optional<std::string> text(std::string_view name) const;

    // A text as it was said, and where. Only texts that parse count.
    struct Said {
        std::string text;
        Source source;
    };
    // The strongest of the levels dynamic_broker .. static_broker; nothing when only the default is
    // left.
    std::optional<Said> said(std::string_view name) const;
    // What a topic or group configuration inherits (Def::inherits, scaled to its unit), or its
    // default. The text is nullopt when that is null.
    struct Inherited {
        std::optional<std::string> text;
        Source source = Source::default_value;
    };
    Inherited inherited(const Def& heir) const;

    // The maps behind it, strongest first: dynamic_broker, dynamic_default_broker, static_broker.
    const Overrides& level(Source source) const;

    // What this node is.
    NodeId node_id() const;
    std::vector<std::string> log_dirs() const;
    std::string metadata_log_dir() const;     // the first of log_dirs() when not said
    std::vector<Endpoint> listeners() const;  // all, the controller's too
    std::vector<Endpoint> advertised_listeners()
        const;  // the brokers' only; `listeners` when not said
    bool is_controller_listener(std::string_view listener) const;
    // Coarser units are read where the finer are not set.
    int64_t log_retention_ms() const;  // -1: forever
    int64_t log_roll_ms() const;
    int64_t log_roll_jitter_ms() const;

private:
    Value value(std::string_view name) const;
    int64_t in_ms(std::string_view topic_config) const;
    Result<void> check_controller_listeners() const;
    void fill_in();
    void read_values();
    Error at_origin(const Error& error) const;

    Overrides dynamic_;
    Overrides dynamic_default_;
    Overrides static_;
    std::map<std::string, Origin, std::less<>> origins_;
    BrokerValues values_;
};

struct BrokerConfig::Loaded {
    BrokerConfig config;
    std::vector<std::string> warnings;  // sentences: unknown names, repeated names
};

// The definition behind a broker configuration's name: its own, or for
// listener.name.<listener>.[<mechanism>.]<name> that of the last part; null when there is none.
const Def* find_broker(std::string_view name);
// "PLAINTEXT://[::1]:9092", ... invalid_config, naming `name` (the configuration the text is from).
Result<std::vector<Endpoint>> parse_endpoints(std::string_view name,
                                              const std::vector<std::string>& texts);

}  // namespace millrace::config
