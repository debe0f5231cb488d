// config/loggers.h: the levels of this process's log (base/log.h) as Kafka's broker loggers: "root"
// is the whole log, and each room a logger below it. They are not metadata: each broker answers for
// its own, and they last as long as its process.
//
// Levels have Kafka's names. TRACE sets DEBUG, our lowest; FATAL, at which we have no lines, turns
// the log off.
// Kafka: RuntimeLoggerManager, LoggingController, LogLevelConfig.
#pragma once

#include <vector>

#include "base/result.h"
#include "config/describe.h"
#include "config/validate.h"

namespace millrace::config {

std::vector<Described> describe_loggers(const Keys& keys);

// Checks all alterations, then does them unless `validate_only`. remove: the logger follows "root"
// again. invalid_config: an unknown logger or level. invalid_request: a logger named twice, no
// value, "root" removed, or an operation other than set and remove.
Result<void> alter_loggers(const std::vector<Alteration>& alterations, bool validate_only);

}  // namespace millrace::config
