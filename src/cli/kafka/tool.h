// Kafka's command-line tools by their own names: what `millrace` does when it is called
// kafka-<name>.sh or kafka-<name>. tools.def lists them; CMake makes a link for each.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cli/output/console.h"

namespace millrace::cli::kafka {

using Words = std::vector<std::string>;

struct Tool {
    std::string_view name;  // without kafka- and .sh
    int (*run)(const Console& console, const Words& words);
};
std::span<const Tool> tools();
// By the name of a program, a path too: "/usr/bin/kafka-topics.sh". Null: it is none of them.
const Tool* find_tool(std::string_view program);

#define MILLRACE_KAFKA_TOOL(name, function) \
    int function(const Console& console, const Words& words);
#include "cli/kafka/tools.def"
#undef MILLRACE_KAFKA_TOOL

}  // namespace millrace::cli::kafka
