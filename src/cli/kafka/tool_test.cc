#include "cli/kafka/tool.h"

#include <doctest/doctest.h>

#include "base/java_order.h"

namespace millrace::cli::kafka {

TEST_CASE("a tool is found by the name of its program") {
    for (const auto name : {"kafka-topics.sh", "kafka-topics", "/opt/bin/kafka-topics.sh"}) {
        const Tool* tool = find_tool(name);
        REQUIRE(tool != nullptr);
        CHECK(tool->name == "topics");
    }
    for (const auto name :
         {"millrace", "topics", "kafka-", "kafka-nosuch.sh", "", "kafka-topics.sh.sh"})
        CHECK(find_tool(name) == nullptr);
}

TEST_CASE("names come in the order of Java's HashMap") {
    CHECK(java_hash(std::string_view{"a"}) == 97);
    CHECK(java_hash(std::string_view{"ab"}) == 97 * 31 + 98);
    CHECK(java_ordered({"web.clicks", "t2", "orders"}) ==
          std::vector<std::string>{"orders", "web.clicks", "t2"});
    CHECK(java_capacity(12) == 16);
    CHECK(java_capacity(13) == 32);
    CHECK(java_capacity(2, 2) == 4);
}

}  // namespace millrace::cli::kafka
