// config/validate.h: whether a whole resource's configuration is acceptable, and the four ways of altering one.
//
// For the controller (CreateTopics, AlterConfigs, IncrementalAlterConfigs) and for the broker, which checks changes to itself.
// Configurations are plain maps of name to text, as they lie in the metadata image: only what has been set.
// Errors: invalid_config, invalid_request (as each function says), message = Kafka's information in our words.
// Kafka: LogConfig.validate, GroupConfig.validate, ClientMetricsConfigs.validate, DynamicBrokerConfig.validate,
// ControllerConfigurationValidator, ConfigurationControlManager.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config_def.h"

namespace millrace::config {

// Ordered, so that everything that is derived from it (records, messages) is deterministic.
using Overrides = std::map<std::string, std::string, std::less<>>;

class BrokerConfig;

// All of a topic's overrides at once, after the change. `broker` gives what they fall back to.
// `before`: the overrides before the change, empty for a new topic (tiered storage cannot simply be taken back).
Result<void> validate_topic(const Overrides& after, const Overrides& before, const BrokerConfig& broker);
Result<void> validate_group(std::string_view group, const Overrides& after, const BrokerConfig& broker);
Result<void> validate_client_metrics(std::string_view subscription, const Overrides& after);
// The dynamic configuration of one broker, or of all (`for_all`: resource name ""). `before` holds the old overrides: only
// names whose value changes must be dynamically alterable.
Result<void> validate_broker(const Overrides& after, const Overrides& before, bool for_all, const BrokerConfig& broker);

// IncrementalAlterConfigs' operations, with its numbers.
enum class AlterOp : int8_t { set = 0, remove = 1, append = 2, subtract = 3 };
struct Alteration {
    std::string name;
    AlterOp op;
    std::optional<std::string> value;  // of no meaning for `remove`
};
// The overrides after the alterations; not yet validated as a whole. append and subtract work on lists and start from what
// the resource has now: its override, or else `inherited(name)`'s value.
// invalid_config: append or subtract on what is not a list. invalid_request: the same name twice, or a missing value.
Result<Overrides> apply_alterations(Scope scope, const Overrides& current, const std::vector<Alteration>& alterations,
                                    const std::function<std::optional<std::string>(std::string_view)>& inherited);

}  // namespace millrace::config
