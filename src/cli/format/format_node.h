// Formatting a node's directories: what `millrace format` and kafka-storage do.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cli/local_disk.h"
#include "config/broker_config.h"
#include "protocol/records/user_scram_credential_record.h"
#include "raft/voters.h"

namespace millrace::cli {

struct FormatRequest {
    std::string cluster_id;
    int16_t metadata_version = 0;
    // Other than what the release says; without metadata.version.
    std::map<std::string, int16_t> feature_levels;
    bool ignore_formatted = false;
    // As controller::FormatOptions has it; of a node that is no controller, none are written.
    std::optional<std::vector<raft::Voter>> initial_voters;
    std::vector<protocol::UserScramCredentialRecord> users;
};

enum class DirectoryRole : uint8_t { data, metadata, voting_metadata };

struct FormatPlan {
    struct Directory {
        std::string path;
        DirectoryRole role;
    };
    std::vector<Directory> directories;     // that are to be formatted
    std::map<std::string, int16_t> levels;  // with metadata.version, without level 0
    int16_t kraft_version = 0;
    FormatRequest request;
};
// What is to be done; nothing is changed. Errors: already_exists (a directory is formatted and that
// is not to be ignored), invalid_config (another cluster's directory), invalid_request (features).
Result<FormatPlan> plan_format(LocalDisk& local, const config::BrokerConfig& config,
                               FormatRequest request);
Result<void> carry_out(LocalDisk& local, const config::BrokerConfig& config,
                       const FormatPlan& plan);

// The configuration in a file. Errors: not_found, invalid_config.
Result<config::BrokerConfig> load_config(LocalDisk& local, const std::string& path,
                                         const std::vector<std::string>& sets = {});

}  // namespace millrace::cli
