// `millrace serve`: a node in the foreground, on Linux.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace millrace::server {

struct ServeOptions {
    std::optional<int> port;            // where clients connect; wins over the file's listeners
    std::string directory;              // log.dirs; empty: as the configuration says
    std::string config_file;            // server.properties; empty: none
    std::vector<std::string> settings;  // "key=value", winning over the file
};

// Until SIGTERM or SIGINT; the process's exit status. Says on standard output where it listens and
// where its data lies, and on standard error, as a sentence, why it could not start.
int serve(const ServeOptions& options);

}  // namespace millrace::server
