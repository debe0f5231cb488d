// Users who log in with a password (SCRAM). A password leaves the client only as what is made of
// it.
#pragma once

#include <string>
#include <vector>

#include "client/admin/outcome.h"
#include "net/scram.h"

namespace millrace::client {

using net::ScramMechanism;

struct ScramCredential {
    ScramMechanism mechanism = ScramMechanism::sha_256;
    int32_t iterations = 0;
};
struct ScramUser {
    std::string name;
    Error error{ErrorCode::none, {}};
    std::vector<ScramCredential> credentials;
};

struct ScramUpsertion {
    std::string user;
    ScramMechanism mechanism = ScramMechanism::sha_256;
    int32_t iterations = net::kScramIterationsMin;
    std::string password;
    std::string salt;  // "": drawn anew
};
struct ScramDeletion {
    std::string user;
    ScramMechanism mechanism = ScramMechanism::sha_256;
};

}  // namespace millrace::client
