// From a case's operations to a topology.
#pragma once

#include "options.h"

namespace millrace::difftest {

// The case and the log outlive the topology. Throws what building throws.
streams::Topology topology_of(const Json& the_case, const streams::StreamsConfig& config, Log& log);

}  // namespace millrace::difftest
