// Every message at every version against what Apache Kafka wrote, and against damage of it.
#include "protocol/golden_test.h"

#include <set>

#include <doctest/doctest.h>

#include "base/random.h"
#include "protocol/catalog.h"
#include "protocol/coordinator_record.h"
#include "protocol/header.h"
#include "protocol/metadata_record.h"

using namespace millrace;
using namespace millrace::protocol;

TEST_CASE("golden: every message and version has vectors") {
    std::set<std::pair<std::string_view, int16_t>> seen;
    for (const auto& g : golden::vectors()) seen.emplace(g.message, g.version);
    for (const MessageInfo* m : all_messages()) {
        for (int16_t v = m->version_min; v <= m->version_max; ++v) {
            CHECK_MESSAGE(seen.contains({m->name, v}), m->name, " v", v);
        }
    }
}

TEST_CASE("golden: bytes decode to the JSON and encode back") {
    for (const auto& g : golden::vectors()) {
        const MessageInfo* m = find_message(g.message);
        REQUIRE_MESSAGE(m != nullptr, g.message);
        CAPTURE(g.message);
        CAPTURE(g.version);
        CAPTURE(g.kind);
        auto json = m->json(g.body, g.version, Secrets::shown);
        REQUIRE_MESSAGE(json.has_value(), json.error().describe());
        std::string why;
        CHECK_MESSAGE(golden::same_json(*json, g.json, why), why);
        auto again = m->recode(g.body, g.version);
        REQUIRE_MESSAGE(again.has_value(), again.error().describe());
        if (g.kind != "unknown") CHECK(*again == g.body);
    }
}

TEST_CASE("golden: no proper prefix decodes") {
    Rng rng(1);
    for (const auto& g : golden::vectors()) {
        const MessageInfo* m = find_message(g.message);
        const size_t tries = std::min<size_t>(g.body.size(), 48);
        for (size_t i = 0; i < tries; ++i) {
            const size_t n = g.body.size() <= 48 ? i : rng.below(g.body.size());
            auto result = m->recode(ByteView(g.body).first(n), g.version);
            CHECK_MESSAGE(!result.has_value(), g.message, " v", g.version, " ", g.kind, " cut to ",
                          n);
            if (!result.has_value()) CHECK(result.code() == ErrorCode::malformed);
        }
    }
}

TEST_CASE("golden: damaged bytes are refused or mean something") {
    Rng rng(2);
    for (const auto& g : golden::vectors()) {
        const MessageInfo* m = find_message(g.message);
        for (int i = 0; i < 6 && !g.body.empty(); ++i) {
            std::vector<uint8_t> bytes = g.body;
            for (uint64_t flips = 1 + rng.below(3); flips > 0; --flips) {
                bytes[rng.below(bytes.size())] =
                    rng.chance(0.3) ? 0xff : static_cast<uint8_t>(rng.next());
            }
            auto once = m->recode(bytes, g.version);
            if (!once.has_value()) {
                CHECK(once.code() == ErrorCode::malformed);
                continue;
            }
            auto twice = m->recode(*once, g.version);
            REQUIRE_MESSAGE(twice.has_value(), g.message, " v", g.version, ": ",
                            twice.error().describe());
            CHECK(*twice == *once);
        }
    }
}

namespace {

// Decodes a framed vector in the way its log does, and encodes it again.
struct FramedRoundTrip {
    const golden::Vector& g;
    std::vector<uint8_t> operator()(const MetadataRecord& r) const {
        return encode_metadata_record(r, g.version).value_or(std::vector<uint8_t>{});
    }
    std::vector<uint8_t> operator()(const RemoteLogRecord& r) const {
        return std::visit([&](const auto& m) { return *encode_metadata_record(m, g.version); }, r);
    }
};

template <typename M>
void check_versioned(const golden::Vector& g) {
    if (g.message != M::kName) return;
    auto m = decode_versioned<M>(g.framed);
    REQUIRE(m.has_value());
    CHECK(*encode_versioned(*m, g.version) == g.framed);
}

template <typename Key, typename Value>
void check_coordinator(const golden::Vector& g, auto decode_record) {
    const auto each_key = [&]<typename K>(std::type_identity<K>) {
        if (g.message != K::kName) return;
        auto record = decode_record(g.framed, std::nullopt);
        REQUIRE(record.has_value());
        REQUIRE(record->has_value());
        CHECK(!(*record)->value.has_value());
        CHECK(*encode_coordinator_key(std::get<K>((*record)->key)) == g.framed);
    };
    const auto each_value = [&]<typename V>(std::type_identity<V>) { check_versioned<V>(g); };
    [&]<typename... K>(std::type_identity<std::variant<K...>>) {
        (each_key(std::type_identity<K>{}), ...);
    }(std::type_identity<Key>{});
    [&]<typename... V>(std::type_identity<std::variant<V...>>) {
        (each_value(std::type_identity<V>{}), ...);
    }(std::type_identity<Value>{});
}

}  // namespace

TEST_CASE("golden: records as they stand in their logs") {
    size_t metadata = 0;
    for (const auto& g : golden::vectors()) {
        if (g.framed.empty() || g.kind == "unknown") continue;
        CAPTURE(g.message);
        CAPTURE(g.version);
        const MessageKind kind = find_message(g.message)->kind;
        if (kind == MessageKind::record) {
            auto record = decode_metadata_record(g.framed);
            REQUIRE_MESSAGE(record.has_value(), record.error().describe());
            CHECK(FramedRoundTrip{g}(*record) == g.framed);
            ++metadata;
        } else if (kind == MessageKind::remote_log_record) {
            auto record = decode_remote_log_record(g.framed);
            REQUIRE(record.has_value());
            CHECK(FramedRoundTrip{g}(*record) == g.framed);
        }
        if (g.message.starts_with("Transaction")) {
            check_coordinator<TransactionKey, TransactionValue>(g, decode_transaction_record);
        } else if (g.message == "ShareSnapshotKey" || g.message == "ShareUpdateKey") {
            check_coordinator<ShareKey, ShareValue>(g, decode_share_record);
        } else {
            check_coordinator<GroupKey, GroupValue>(g, decode_group_record);
        }
    }
    CHECK(metadata > 100);
}

TEST_CASE("golden: whole frames") {
    for (const auto& g : golden::frames()) {
        CAPTURE(g.api);
        CAPTURE(g.version);
        const ApiInfo* api = find_api(g.key);
        REQUIRE(api != nullptr);
        CHECK(api->name == g.api);
        CHECK(api->request_header(g.version) == g.request_header);
        CHECK(api->response_header(g.version) == g.response_header);

        ByteView in = ByteView(g.request).subspan(4);
        CHECK(in.size() == load_be<uint32_t>(g.request.data()));
        auto header = decode_request_header(in);
        REQUIRE(header.has_value());
        CHECK(header->request_api_key == g.key);
        CHECK(header->request_api_version == g.version);
        CHECK(header->correlation_id == g.correlation_id);
        CHECK((header->client_id ? '"' + header->client_id->str() + '"' : "null") == g.client_id);
        Writer out;
        REQUIRE(encode(*header, g.request_header, out).has_value());
        auto body = find_message(MessageKind::request, g.key)->recode(in, g.version);
        REQUIRE(body.has_value());
        out.bytes(*body);
        CHECK(std::ranges::equal(*out.take_bytes(), ByteView(g.request).subspan(4)));

        in = ByteView(g.response).subspan(4);
        auto reply = decode_response_header(in, api->key, g.version);
        REQUIRE(reply.has_value());
        CHECK(reply->correlation_id == g.correlation_id);
        auto reply_body = find_message(MessageKind::response, g.key)->recode(in, g.version);
        REQUIRE(reply_body.has_value());
        CHECK(std::ranges::equal(*reply_body, in));
    }
}
