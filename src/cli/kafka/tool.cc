#include "cli/kafka/tool.h"

#include <array>

namespace millrace::cli::kafka {
namespace {

constexpr auto kTools = std::to_array<Tool>({
#define MILLRACE_KAFKA_TOOL(name, function) {name, function},
#include "cli/kafka/tools.def"
#undef MILLRACE_KAFKA_TOOL
});

}  // namespace

std::span<const Tool> tools() {
    return kTools;
}

const Tool* find_tool(std::string_view program) {
    program.remove_prefix(program.find_last_of('/') + 1);
    if (program.ends_with(".sh")) program.remove_suffix(3);
    if (!program.starts_with("kafka-")) return nullptr;
    program.remove_prefix(6);
    const auto found = std::ranges::find(kTools, program, &Tool::name);
    return found == kTools.end() ? nullptr : &*found;
}

}  // namespace millrace::cli::kafka
