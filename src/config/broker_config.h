// config/broker_config.h: the configuration of this node: server.properties, --set, and what was altered dynamically.
//
// Precedence, best first: dynamic for this broker, dynamic for all brokers, static (file, then --set over it), default.
// A BrokerConfig is an immutable value; a dynamic change makes a new one (with_dynamic), which its owner shares as
// shared_ptr<const BrokerConfig>.
// Errors of load(): invalid_config, naming file, line, name, value and what is allowed. Unknown names are kept, and warned of.
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

// One of `listeners` or `advertised.listeners`: NAME://host:port. An empty host means every address.
struct Endpoint {
    std::string listener;  // upper case as written, e.g. PLAINTEXT
    std::string host;
    int32_t port = 0;
    std::string security_protocol;  // by listener.security.protocol.map
    friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

class BrokerConfig {
public:
    // Where a static value was said, for messages.
    struct Origin {
        std::string file;  // a file's name, or "--set"
        int line = 0;      // 0: no line
    };
    struct Loaded;

    // All defaults but for the required: node.id=1, process.roles=broker,controller, one listener for each. For tests, and the
    // base of a node without a file.
    static BrokerConfig defaults();
    // `text` is the file's content (`file` names it in messages), `sets` are "key=value" and win over it. What a single node
    // needs and neither says (node.id, process.roles, listeners, controller.listener.names) is filled in as by defaults().
    static Result<Loaded> load(std::string_view text, std::string_view file, const std::vector<std::string>& sets);
    // The same static part with these dynamic overrides. Values that do not parse are passed over, as Kafka does (warned of).
    BrokerConfig with_dynamic(Overrides for_this, Overrides for_all) const;

    // Generic look-up: the effective value's text, or nothing. Unknown names work if somebody set them.
    std::optional<std::string> text(std::string_view name) const;
    // INVARIANT: the name is known and of the type.
    bool boolean(std::string_view name) const;
    int32_t int32(std::string_view name) const;
    int64_t int64(std::string_view name) const;
    double float64(std::string_view name) const;
    std::string string(std::string_view name) const;  // "" for null
    std::vector<std::string> list(std::string_view name) const;
    bool is_null(std::string_view name) const;

    // The maps behind it, for describe.h.
    const Overrides& dynamic_for_this() const { return dynamic_; }
    const Overrides& dynamic_for_all() const { return dynamic_default_; }
    const Overrides& statics() const { return static_; }

    // What this node is.
    NodeId node_id() const;
    std::vector<std::string> log_dirs() const;
    std::vector<Endpoint> listeners() const;             // all, the controller's too
    std::vector<Endpoint> advertised_listeners() const;  // brokers' only; `listeners` when not said
    bool is_controller_listener(std::string_view listener) const;
    // Coarser units are read where the finer are not set.
    int64_t log_retention_ms() const;  // -1: forever
    int64_t log_roll_ms() const;
    int64_t log_roll_jitter_ms() const;
    int64_t log_flush_interval_ms() const;

private:
    Value value(std::string_view name, Type type) const;
    Result<void> check() const;

    Overrides dynamic_;
    Overrides dynamic_default_;
    Overrides static_;
    std::map<std::string, Origin, std::less<>> origins_;
};

struct BrokerConfig::Loaded {
    BrokerConfig config;
    std::vector<std::string> warnings;  // sentences: unknown names, repeated names
};

}  // namespace millrace::config
