// How Kafka's tools come to a cluster: --bootstrap-server, and a file of client properties.
#pragma once

#include "cli/cluster/session.h"
#include "cli/kafka/argparse.h"
#include "cli/kafka/joptsimple.h"

namespace millrace::cli::kafka {

constexpr Option kBootstrapServer{"bootstrap-server", Takes::value, "host:port,...",
                                  "Brokers of the cluster; required."};
constexpr Option kBootstrapController{"bootstrap-controller", Takes::value, "host:port,...",
                                      "Controllers of the cluster, instead of brokers."};
constexpr Option kCommandConfig{"command-config", Takes::value, "file",
                                "A file with client properties."};

// Of the values of bootstrap-server or bootstrap-controller, and command-config; any may be
// missing.
Result<std::unique_ptr<Session>> open_session(const Arguments& arguments,
                                              std::string_view bootstrap = "bootstrap-server",
                                              std::string_view config = "command-config");

// Of the flags of the same names.
Result<std::unique_ptr<Session>> open_session(const FlagValues& flags, std::string config_file);

// What Kafka's client says when it could not reach a cluster to do `call`; any other error's
// sentence.
std::string failure_text(const Error& error, std::string_view call);

}  // namespace millrace::cli::kafka
