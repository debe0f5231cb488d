#include "cli/kafka/running_nodes.h"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::cli::kafka;

namespace {

Result<std::string> file(const std::string& path) {
    if (path == "/etc/node.properties")
        return std::string{"node.id=4\nprocess.roles=broker, controller\n"};
    return fail(ErrorCode::not_found, path);
}

bool is_meant(std::vector<std::string> args, NodeFilter filter,
              std::string program = "/opt/bin/millrace") {
    const auto properties = node_properties({1, std::move(program), std::move(args)}, file);
    return properties && fits(*properties, filter);
}

}  // namespace

TEST_CASE("which processes are nodes") {
    const std::vector<std::string> serve{"millrace", "serve", "--config", "/etc/node.properties"};
    const std::vector<std::string> start{"bin/kafka-server-start.sh", "-daemon",
                                         "/etc/node.properties", "--override", "node.id=5"};
    CHECK(is_meant(serve, {}));
    CHECK(is_meant(start, {}));
    CHECK(is_meant(serve, {.node_id = "4"}));
    CHECK_FALSE(is_meant(serve, {.node_id = "5"}));
    CHECK(is_meant(start, {.node_id = "5"}));
    CHECK(is_meant(serve, {.role = "controller"}));
    CHECK_FALSE(is_meant(serve, {.role = "observer"}));
    CHECK(is_meant({"millrace", "serve", "--set=node.id=7", "--port=1"}, {.node_id = "7"}));
    CHECK_FALSE(is_meant({"millrace", "topics", "list"}, {}));
    CHECK_FALSE(is_meant({"millrace"}, {}));
    CHECK_FALSE(is_meant({"/opt/bin/kafka-topics.sh", "--list"}, {}));
    CHECK_FALSE(is_meant(serve, {}, "/usr/bin/vim"));
    CHECK_FALSE(is_meant({"millrace", "serve", "--config", "/gone"}, {.node_id = "4"}));
}
