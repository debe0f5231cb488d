// Other processes of this machine, and how to leave the one that started this.
// For command lines: nothing here knows of a loop.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace millrace::runtime {

struct Process {
    int pid = 0;
    std::string program;            // the path of its binary
    std::vector<std::string> args;  // argv[0] first
};
// Those of this process's user, but this one. Processes that end meanwhile are left out.
std::vector<Process> other_processes_of_user();
// io_error: there is no such process, or it is somebody else's.
Result<void> signal_process(int pid, int signal);

// Goes on in the background: in a session of its own, without a terminal, output and errors at the
// end of `output`. True in the process that goes on, false in the one that was called, which may
// end. To be called before there are threads. io_error.
Result<bool> go_to_background(const std::string& output);

}  // namespace millrace::runtime
