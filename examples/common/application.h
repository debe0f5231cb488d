// The main() of an example: a topology, run with the settings of the command line until a signal.
//
//   example_NAME --bootstrap-server HOST:PORT --state-dir DIR [--exactly-once] [--threads N]
//                [--application-id ID] [--set NAME=VALUE]...
//
// Prints the topology, each state of the application, and in the end what it did. Without a
// cluster:
//
//   example_NAME --describe                           only prints the topology
//   example_NAME --offline INPUT OUTPUT TOPIC...      runs it on files (offline.h)
#pragma once

#include <string>

#include "streams/topology.h"

namespace millrace::examples {

// The exit status: 1 when the application was refused or failed, 2 for a command line that is not
// understood.
int run_application(int argc, char** argv, std::string application_id,
                    streams::Topology (*topology)());

// For the source of a table of reference data: it is older than every event, so a task that has
// both to read begins with the table.
streams::TimestampExtractor before_all_events();

}  // namespace millrace::examples
