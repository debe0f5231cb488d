// `millrace recover`: its options and help.
#pragma once

#include <CLI/App.hpp>

namespace millrace::cli {

// Adds the command to `app`; `status` gets the exit status when it was the one that ran.
void add_recover_command(CLI::App& app, int& status);

}  // namespace millrace::cli
