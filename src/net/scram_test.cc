#include "net/scram.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

namespace millrace::net {
namespace {

std::string hex(ByteView bytes) {
    std::string out;
    for (const uint8_t byte : bytes) out += fmt::format("{:02x}", byte);
    return out;
}

// The exchange of RFC 7677, section 3: user "user", password "pencil".
TEST_CASE("the keys of RFC 7677's example") {
    constexpr uint8_t kSalt[] = {0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e,
                                 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81};
    const auto password =
        salted_password(ScramMechanism::sha_256, as_bytes("pencil"), ByteView{kSalt}, 4096);
    CHECK(hex(password) == "c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d");
    const ScramKeys keys = scram_keys(ScramMechanism::sha_256, password);
    CHECK(hex(keys.stored) == "586e5df283e6dceb5c3e791d8b8528ec191e664045ce971792e2e6b5bb13e2a6");
    CHECK(hex(keys.server) == "c1f3cbc1c13a9d35a14c0990eed97629ea225863e566a4314ab99f3f00e5d9d5");
}

TEST_CASE("PBKDF2 with both hashes") {
    const auto of = [](ScramMechanism mechanism) {
        return hex(salted_password(mechanism, as_bytes("password"), as_bytes("salt"), 4096));
    };
    CHECK(of(ScramMechanism::sha_256) ==
          "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a");
    CHECK(of(ScramMechanism::sha_512) ==
          "d197b1b33db0143e018b12f3d1d1479e6cdebdcc97c5c0f87f6902e072f457b5"
          "143f30602641b3d55cd335988cb36b84376060ecd532e039b742a239434af2d5");
}

TEST_CASE("mechanisms by name") {
    CHECK(find_scram_mechanism("SCRAM-SHA-256") == ScramMechanism::sha_256);
    CHECK(find_scram_mechanism("SCRAM-SHA-512") == ScramMechanism::sha_512);
    CHECK(!find_scram_mechanism("SCRAM-SHA-1"));
}

}  // namespace
}  // namespace millrace::net
