// What the log directories of brokers hold.
#pragma once

#include <string>
#include <vector>

#include "base/units.h"
#include "client/admin/outcome.h"

namespace millrace::client {

struct ReplicaInDirectory {
    TopicPartition partition;
    int64_t size = 0;
    int64_t offset_lag = 0;
    bool future = false;
};
struct DirectoryDescription {
    std::string path;
    Error error{ErrorCode::none, {}};
    int64_t total_bytes = -1;  // of the volume; -1: not said
    int64_t usable_bytes = -1;
    std::vector<ReplicaInDirectory> replicas;
};
struct BrokerDirectories {
    NodeId broker = -1;
    std::vector<DirectoryDescription> directories;
};

}  // namespace millrace::client
