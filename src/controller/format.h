// Making and checking the directories of a node, as `kafka-storage format --standalone` does.
//
//   <log dir>/
//     meta.properties       version=1, cluster.id, node.id, directory.id (random, each its own)
//     bootstrap.checkpoint  the feature levels that a new cluster starts with
//   <metadata log dir>/__cluster_metadata-0/
//     00000000000000000000-0000000000.checkpoint
//                           kraft.version and the first voters, when kraft.version is 1
//
// Loop: any, before the node starts. After success everything is on the disk.
// Kafka: Formatter, MetaPropertiesEnsemble, BootstrapDirectory.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "base/units.h"
#include "base/uuid.h"
#include "config/broker_config.h"
#include "protocol/records/user_scram_credential_record.h"
#include "raft/voters.h"
#include "runtime/disk.h"
#include "runtime/task.h"

namespace millrace::controller {

struct FormatOptions {
    std::vector<std::string> log_dirs;
    std::string metadata_log_dir;  // one of log_dirs
    NodeId node_id = -1;
    std::string cluster_id;
    // Where this node's controller listener is reached; the voter's endpoints.
    std::vector<raft::VoterEndpoint> controller_endpoints;
    // Levels other than the defaults of the metadata.version that is asked for (or the latest).
    std::map<std::string, int16_t> feature_levels;
    // The quorum's first voters, when kraft.version is 1. Nothing: this node alone. Empty: none are
    // written; the others will tell this node. Of this node the metadata directory gets the id that
    // is said here.
    std::optional<std::vector<raft::Voter>> initial_voters;
    // Passwords that a new cluster knows.
    std::vector<protocol::UserScramCredentialRecord> users;
    TimestampMs now = 0;
    // Directories that are formatted already are left as they are; else they are an error.
    bool ignore_formatted = false;
};

// Where the controller listeners of this configuration are reached.
std::vector<raft::VoterEndpoint> controller_endpoints(const config::BrokerConfig& config);

// Errors: already_exists (a directory is formatted), invalid_config (a feature or level that does
// not exist, or whose dependencies are not met), io_error and the like.
runtime::Task<Result<void>> format_directories(runtime::Disk& disk, Rng& rng,
                                               FormatOptions options);

struct FormattedDirectory {
    std::string path;
    Uuid directory_id;
    std::string unreadable;  // why it cannot be used; empty = it can
};
struct FormattedNode {
    std::string cluster_id;
    NodeId node_id = -1;
    std::vector<FormattedDirectory> directories;  // in the order of log_dirs
};

// Reads the meta.properties of all directories; nothing when none of them is formatted. A directory
// without the file beside formatted ones (a disk that was added) gets one; one that cannot be read
// is `unreadable`. Errors, each naming the file: invalid_config (node.id is not `node_id`, cluster
// ids differ, two directories with the same id, a version other than 1), what the disk says when no
// directory can be read.
runtime::Task<Result<std::optional<FormattedNode>>> load_formatted(
    runtime::Disk& disk, Rng& rng, std::vector<std::string> log_dirs, NodeId node_id);

}  // namespace millrace::controller
