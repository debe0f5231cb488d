// What kafka-storage is told about a new cluster: its first voters, and users. Pure; errors are
// invalid_request in the words of Kafka's tool.
#pragma once

#include <string_view>
#include <vector>

#include "base/random.h"
#include "base/result.h"
#include "protocol/records/user_scram_credential_record.h"
#include "raft/voters.h"

namespace millrace::cli::kafka {

// "1@host:port:directory-id,2@..."; `listener` is the name of their endpoints.
Result<std::vector<raft::Voter>> parse_initial_controllers(std::string_view text,
                                                           const std::string& listener);

// "SCRAM-SHA-256=[name=alice,password=p]", or with salt, saltedpassword (both in base64) and
// iterations. A salt that is not said is drawn.
Result<protocol::UserScramCredentialRecord> parse_scram_argument(std::string_view text, Rng& rng);

}  // namespace millrace::cli::kafka
