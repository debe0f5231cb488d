#include "cli/kafka/storage_arguments.h"

#include <doctest/doctest.h>

#include "cli/base64.h"
#include "net/scram.h"

namespace millrace::cli::kafka {

TEST_CASE("the first voters of a quorum") {
    const auto voters = parse_initial_controllers(
        "1@host:9093:JEXY6aqzQY-32P5TStzaFg,2@[::1]:9094:MvDxzVmcRsaTz33bUuRU6A", "CONTROLLER");
    REQUIRE(voters);
    REQUIRE(voters->size() == 2);
    CHECK((*voters)[0].id == 1);
    CHECK((*voters)[0].directory_id.to_string() == "JEXY6aqzQY-32P5TStzaFg");
    CHECK((*voters)[1].endpoints == std::vector<raft::VoterEndpoint>{{"CONTROLLER", "::1", 9094}});
    for (const auto* wrong :
         {"", "bogus", "x@h:1:JEXY6aqzQY-32P5TStzaFg", "1@h", "1@h:2", "1@h:2:bad",
          "1@h:99999:JEXY6aqzQY-32P5TStzaFg", "1@[::1:9094:MvDxzVmcRsaTz33bUuRU6A",
          "1@h:2:JEXY6aqzQY-32P5TStzaFg,1@h:3:MvDxzVmcRsaTz33bUuRU6A"})
        CHECK_MESSAGE(!parse_initial_controllers(wrong, "C"), wrong);
}

TEST_CASE("a user's password as an argument") {
    Rng rng{1};
    const auto user = parse_scram_argument(
        "SCRAM-SHA-256=[name=user,salt=W22ZaJ0SNY7soEsUEjb6gQ==,password=pencil]", rng);
    REQUIRE(user);
    CHECK(user->name == "user");
    CHECK(user->mechanism == 1);
    CHECK(user->iterations == net::kScramIterationsMin);
    // As in RFC 7677.
    const auto salted = net::salted_password(net::ScramMechanism::sha_256, as_bytes("pencil"),
                                             user->salt.view(), 4096);
    const net::ScramKeys keys = net::scram_keys(net::ScramMechanism::sha_256, salted);
    CHECK((user->server_key == ByteView{keys.server}));
    const auto same = parse_scram_argument(
        fmt::format("SCRAM-SHA-256=[name=user,salt=\"W22ZaJ0SNY7soEsUEjb6gQ==\",saltedpassword={}]",
                    encode_base64(as_text(salted))),
        rng);
    REQUIRE(same);
    CHECK((same->stored_key == user->stored_key.view()));
    // Salts that are drawn differ.
    const auto one = parse_scram_argument("SCRAM-SHA-512=[name=a,password=b]", rng);
    const auto two = parse_scram_argument("SCRAM-SHA-512=[name=a,password=b]", rng);
    REQUIRE(one);
    REQUIRE(two);
    CHECK(!(one->salt == two->salt.view()));
    CHECK(!(one->stored_key == two->stored_key.view()));
}

TEST_CASE("bytes as text") {
    for (const auto& [bytes, text] : {std::pair<std::string, std::string>{"", ""},
                                      {"a", "YQ=="},
                                      {"ab", "YWI="},
                                      {"abc", "YWJj"},
                                      {"\xff\xfe\xfd\xfc", "//79/A=="}}) {
        CHECK(encode_base64(bytes) == text);
        CHECK(decode_base64(text).value() == bytes);
    }
    CHECK(decode_base64("YQ").value() == "a");
    for (const auto* wrong : {"Y", "Y*==", "YWJjY"}) CHECK(!decode_base64(wrong));
}

}  // namespace millrace::cli::kafka
