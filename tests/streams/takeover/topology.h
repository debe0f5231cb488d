// An application with every kind of state that Kafka Streams keeps in changelogs, the same as
// tests/interop/java/TakeoverApp.java.
#pragma once

#include <atomic>
#include <string>

#include "streams/topology.h"

namespace millrace::takeover {

// Topics are named with `prefix` before them. Each time `commit` is found true, it is set to false
// and the application commits soon; it must outlive the topology's tasks.
streams::Topology make_topology(const std::string& prefix, std::atomic<bool>& commit);

}  // namespace millrace::takeover
