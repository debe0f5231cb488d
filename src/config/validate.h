// config/validate.h: whether a whole resource's configuration is acceptable, and the four ways of
// altering one.
//
// For the controller (CreateTopics, AlterConfigs, IncrementalAlterConfigs) and for the broker,
// which checks changes to itself. Configurations are plain maps of name to text, as they lie in the
// metadata image: only what has been set. Errors: invalid_config, invalid_request (as each function
// says), message = Kafka's information in our words.
// Kafka: LogConfig.validate, GroupConfig.validate, ClientMetricsConfigs.validate,
// DynamicBrokerConfig.validate, ControllerConfigurationValidator, ConfigurationControlManager.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "config/config_def.h"

namespace millrace::config {

// Ordered, so that everything that is derived from it (records, messages) is deterministic.
using Overrides = std::map<std::string, std::string, std::less<>>;

class BrokerConfig;

// All of a topic's overrides at once, after the change. `broker` gives what they fall back to.
// `before`: the overrides before the change, empty for a new topic (tiered storage cannot simply be
// taken back).
Result<void> validate_topic(const Overrides& after, const Overrides& before,
                            const BrokerConfig& broker);
Result<void> validate_group(std::string_view group, const Overrides& after,
                            const BrokerConfig& broker);
Result<void> validate_client_metrics(std::string_view subscription, const Overrides& after);
// The dynamic overrides of this broker, or of all of them (`for_all`: the resource with the empty
// name), after the change. Unknown names are fine, as in Kafka. Errors: invalid_request, also for a
// bad value (so does Kafka for brokers).
Result<void> validate_broker(const Overrides& after, bool for_all, const BrokerConfig& broker);
// The name of a broker resource: empty (all brokers) or `node`'s number. invalid_request.
Result<void> validate_broker_name(std::string_view resource, NodeId node);

// IncrementalAlterConfigs' operations, with its numbers.
enum class AlterOp : int8_t { set = 0, remove = 1, append = 2, subtract = 3 };
struct Alteration {
    std::string name;
    AlterOp op = AlterOp::set;
    std::optional<std::string> value;  // of no meaning for `remove`
};
// The overrides after the alterations; not yet validated as a whole. append and subtract work on
// lists, element by element as written (blanks count), and start from the override, or else from
// the table's default: what the broker inherits does not count. An append of what is there already
// changes nothing. invalid_config: append or subtract on what is not a list. invalid_request: the
// same name twice, or a missing value.
Result<Overrides> apply_alterations(Scope scope, const Overrides& current,
                                    const std::vector<Alteration>& alterations);

}  // namespace millrace::config
