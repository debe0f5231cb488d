// `millrace recover`: log directories that a crash left, made ready for anybody without starting a
// node: the journal is drained into the segments, every log is recovered (torn ends cut, indexes,
// snapshots and checkpoints written), and the directory is marked as cleanly stopped. Apache Kafka
// can open it then.
#pragma once

#include <string>
#include <vector>

namespace millrace::server {

struct RecoverOptions {
    std::vector<std::string> directories;
    bool json = false;
};

// The process's exit status: 0 all is well; 2 it is, but something was damaged (the summary names
// it); 1 not done. The summary goes to standard output, progress to standard error.
int recover(const RecoverOptions& options);

}  // namespace millrace::server
