#include "net/scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/check.h"

namespace millrace::net {
namespace {

const EVP_MD* hash_of(ScramMechanism mechanism) {
    return mechanism == ScramMechanism::sha_256 ? EVP_sha256() : EVP_sha512();
}

size_t hash_bytes(ScramMechanism mechanism) {
    return mechanism == ScramMechanism::sha_256 ? 32 : 64;
}

std::vector<uint8_t> hmac(ScramMechanism mechanism, ByteView key, std::string_view text) {
    std::vector<uint8_t> out(hash_bytes(mechanism));
    unsigned int written = 0;
    INVARIANT(HMAC(hash_of(mechanism), key.data(), static_cast<int>(key.size()),
                   reinterpret_cast<const unsigned char*>(text.data()), text.size(), out.data(),
                   &written) != nullptr);
    INVARIANT(written == out.size());
    return out;
}

}  // namespace

std::string_view scram_name(ScramMechanism mechanism) {
    return mechanism == ScramMechanism::sha_256 ? "SCRAM-SHA-256" : "SCRAM-SHA-512";
}

std::optional<ScramMechanism> find_scram_mechanism(std::string_view name) {
    for (const ScramMechanism mechanism : {ScramMechanism::sha_256, ScramMechanism::sha_512})
        if (scram_name(mechanism) == name) return mechanism;
    return std::nullopt;
}

std::vector<uint8_t> salted_password(ScramMechanism mechanism, ByteView password, ByteView salt,
                                     int32_t iterations) {
    INVARIANT(iterations > 0);
    std::vector<uint8_t> out(hash_bytes(mechanism));
    INVARIANT(PKCS5_PBKDF2_HMAC(reinterpret_cast<const char*>(password.data()),
                                static_cast<int>(password.size()), salt.data(),
                                static_cast<int>(salt.size()), iterations, hash_of(mechanism),
                                static_cast<int>(out.size()), out.data()) == 1);
    return out;
}

ScramKeys scram_keys(ScramMechanism mechanism, ByteView salted_password) {
    const std::vector<uint8_t> client = hmac(mechanism, salted_password, "Client Key");
    ScramKeys out{.stored = std::vector<uint8_t>(hash_bytes(mechanism)),
                  .server = hmac(mechanism, salted_password, "Server Key")};
    INVARIANT(EVP_Digest(client.data(), client.size(), out.stored.data(), nullptr,
                         hash_of(mechanism), nullptr) == 1);
    return out;
}

}  // namespace millrace::net
