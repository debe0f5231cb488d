// Which processes are nodes of Millrace, and which node each is. Pure.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/processes.h"

namespace millrace::cli::kafka {

struct NodeFilter {
    std::optional<std::string> node_id;  // node.id
    std::optional<std::string> role;     // one of process.roles
};

// The properties that a node's command line gives it: those of its file, read by `read_file`, and
// over them what it says itself. Nothing: it is no node.
std::optional<std::map<std::string, std::string>> node_properties(
    const runtime::Process& process,
    const std::function<Result<std::string>(const std::string&)>& read_file);

bool fits(const std::map<std::string, std::string>& properties, const NodeFilter& filter);

}  // namespace millrace::cli::kafka
