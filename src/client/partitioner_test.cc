// Against Java's Utils.murmur2 (tests/data/client/murmur2.tsv, written by
// tests/interop/java/RecordAssignments.java).
#include "client/partitioner.h"

#include <doctest/doctest.h>

#include <charconv>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

namespace millrace::client {
namespace {

TEST_CASE("keys hash and land where Java puts them") {
    std::ifstream file("tests/data/client/murmur2.tsv");
    size_t lines = 0;
    for (std::string line; std::getline(file, line); lines++) {
        std::istringstream fields(line);
        std::string hex;
        int32_t hash = 0;
        int32_t of_twelve = 0;
        fields >> hex >> hash >> of_twelve;
        std::vector<uint8_t> key;
        for (size_t i = 0; hex != "-" && i < hex.size(); i += 2) {
            uint8_t byte = 0;
            std::from_chars(hex.data() + i, hex.data() + i + 2, byte, 16);
            key.push_back(byte);
        }
        CAPTURE(line);
        CHECK(murmur2(key) == hash);
        CHECK(partition_for_key(key, 12) == of_twelve);
    }
    CHECK(lines == 40);
}

}  // namespace
}  // namespace millrace::client
