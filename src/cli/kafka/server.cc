// kafka-server-start and kafka-server-stop, for nodes of Millrace.
#include <csignal>
#include <cstdlib>

#include "cli/kafka/misuse.h"
#include "cli/kafka/running_nodes.h"
#include "cli/local_disk.h"
#include "server/serve.h"

namespace millrace::cli::kafka {
namespace {

constexpr std::string_view kStartUsage =
    "USAGE: kafka-server-start.sh [-daemon] server.properties [--override property=value]*";

constexpr auto kStopOptions = std::to_array<Option>({
    {"process-role", Takes::value, "role", "Only nodes with this role: broker or controller."},
    {"node-id", Takes::value, "id", "Only this node."},
    kHelp,
});

// Where a node in the background writes, as Kafka's scripts choose it.
std::string output_path() {
    const char* directory = std::getenv("LOG_DIR");
    return fmt::format("{}/kafkaServer.out", directory && *directory ? directory : ".");
}

Result<int> stop(const Console& console, const Arguments& arguments) {
    NodeFilter filter;
    TRY(filter.node_id, arguments.value("node-id"));
    TRY(filter.role, arguments.value("process-role"));
    LocalDisk local;
    const auto read = [&](const std::string& path) { return local.read_all(path, 1 << 20); };
    int stopped = 0;
    for (const runtime::Process& process : runtime::other_processes_of_user()) {
        const auto properties = node_properties(process, read);
        if (!properties || !fits(*properties, filter)) continue;
        TRY_OK(runtime::signal_process(process.pid, SIGTERM));
        ++stopped;
    }
    if (stopped != 0) return kDone;
    console.line("No kafka server to stop");
    return kFailed;
}

}  // namespace

int server_start(const Console& console, const Words& words) {
    const bool background = !words.empty() && words[0] == "-daemon";
    std::vector<std::string> rest(words.begin() + (background ? 1 : 0), words.end());
    if (rest == Words{"--version"}) {
        console.line(kKafkaVersion);
        return kDone;
    }
    if (rest.empty() || rest[0].starts_with("-")) {
        console.line(kStartUsage);
        return kFailed;
    }
    server::ServeOptions options;
    options.config_file = rest[0];
    for (size_t i = 1; i < rest.size(); ++i) {
        if (rest[i] == "--override" && i + 1 < rest.size()) {
            options.settings.push_back(rest[++i]);
        } else if (rest[i].starts_with("--override=")) {
            options.settings.push_back(rest[i].substr(rest[i].find('=') + 1));
        } else {
            console.error_line(fmt::format("Found non argument parameters: {}", rest[i]));
            return kFailed;
        }
    }
    if (background) {
        const auto here = runtime::go_to_background(output_path());
        if (!here) {
            console.error_line(sentence(here.error()));
            return kFailed;
        }
        if (!*here) return kDone;
    }
    return server::serve(options);
}

int server_stop(const Console& console, const Words& words) {
    const auto arguments = Arguments::parse(kStopOptions, words);
    if (!arguments) return misused(console, arguments.error().message, kStopOptions);
    if (arguments->has("help"))
        return misused(console, "Stops the nodes of this user with SIGTERM.", kStopOptions);
    const auto status = stop(console, *arguments);
    if (status) return *status;
    console.error_line(sentence(status.error()));
    return kFailed;
}

}  // namespace millrace::cli::kafka
