// The numbers of SCRAM (RFC 5802): what is made of a password, so that neither the password nor
// anything that could log in in its stead is ever stored or sent. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace millrace::net {

// The numbers are the protocol's.
enum class ScramMechanism : int8_t { sha_256 = 1, sha_512 = 2 };

// What the brokers accept.
constexpr int32_t kScramIterationsMin = 4096;
constexpr int32_t kScramIterationsMax = 16384;

std::string_view scram_name(ScramMechanism mechanism);  // "SCRAM-SHA-256"
std::optional<ScramMechanism> find_scram_mechanism(std::string_view name);

// Hi(password, salt, iterations): PBKDF2 with the mechanism's HMAC, as long as its hash.
// INVARIANT: iterations > 0.
std::vector<uint8_t> salted_password(ScramMechanism mechanism, ByteView password, ByteView salt,
                                     int32_t iterations);

// What a broker keeps of a user.
struct ScramKeys {
    std::vector<uint8_t> stored;  // H(HMAC(salted password, "Client Key"))
    std::vector<uint8_t> server;  // HMAC(salted password, "Server Key")
};
ScramKeys scram_keys(ScramMechanism mechanism, ByteView salted_password);

}  // namespace millrace::net
