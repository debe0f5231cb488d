// Scripts that teach a shell the commands: made from the command line's own description, so that
// they cannot say anything else than it.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace millrace::cli {

// For bash: after `source <(millrace completion bash)` the Tab key completes commands, options, and
// files.
std::string bash_completion(const CLI::App& app);
// For zsh: to be kept as a file named _millrace in a folder of $fpath, or sourced after compinit.
std::string zsh_completion(const CLI::App& app);

}  // namespace millrace::cli
