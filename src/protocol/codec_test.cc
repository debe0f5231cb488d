#include <doctest/doctest.h>

#include "protocol/catalog.h"
#include "protocol/messages/fetch.h"

using namespace millrace;
using namespace millrace::protocol;

TEST_CASE("a message survives encoding and decoding") {
    FetchRequest m;
    m.max_wait_ms = 500;
    m.cluster_id = "c";
    m.topics.emplace_back().topic = "orders";
    for (int16_t v = 4; v <= 18; ++v) {
        CAPTURE(v);
        auto bytes = encode_to_bytes(m, v);
        REQUIRE(bytes.has_value());
        auto back = decode<FetchRequest>(*bytes, v);
        REQUIRE(back.has_value());
        CHECK(back->max_wait_ms == 500);
        CHECK(back->topics.size() == 1);
        CHECK((back->topics[0].topic == "orders") == (v < 13));
        CHECK(back->cluster_id.has_value() == (v >= 12));
    }
}

TEST_CASE("the catalog finds messages by name and by key") {
    CHECK(find_message("FetchRequest")->key == 1);
    CHECK(find_message(MessageKind::response, 0)->name == "ProduceResponse");
    CHECK(find_message("Nothing") == nullptr);
}
