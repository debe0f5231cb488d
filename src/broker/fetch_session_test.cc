#include "broker/fetch_session.h"

#include <doctest/doctest.h>

using namespace millrace;
using namespace millrace::broker;
using protocol::FetchRequest;
using PartitionData = protocol::FetchResponse::PartitionData;

namespace {

constexpr int16_t kByName = 12;
constexpr int16_t kById = 13;

FetchRequest request(int32_t session, int32_t epoch, std::vector<PartitionIndex> partitions) {
    FetchRequest out;
    out.session_id = session;
    out.session_epoch = epoch;
    if (partitions.empty()) return out;
    auto& topic = out.topics.emplace_back();
    topic.topic = "t";
    for (const PartitionIndex index : partitions) {
        auto& partition = topic.partitions.emplace_back();
        partition.partition = index;
        partition.fetch_offset = 5;
        partition.partition_max_bytes = 100;
    }
    return out;
}

PartitionData answer(Offset high_watermark, bool with_records = false) {
    PartitionData out;
    out.high_watermark = high_watermark;
    out.log_start_offset = 0;
    out.records.emplace();
    if (with_records) out.records->append(SharedBytes::own({1, 2, 3}));
    return out;
}

std::vector<PartitionIndex> order(FetchContext& context) {
    std::vector<PartitionIndex> out;
    for (const auto& partition : context.partitions()) out.push_back(partition.partition);
    return out;
}

struct Cache {
    Rng rng{1};
    FetchSessionCache sessions{2, rng};

    int32_t open(std::vector<PartitionIndex> partitions, TimestampMs now = 0) {
        auto context = sessions.begin(request(0, 0, std::move(partitions)), kByName, now);
        REQUIRE(context);
        for (auto& partition : context->partitions())
            CHECK(context->include(partition, answer(10)));
        return context->session_id();
    }
};

}  // namespace

TEST_CASE("a session answers only what is new") {
    Cache cache;
    const int32_t id = cache.open({0, 1, 2});
    CHECK(id != kNoFetchSession);

    auto context = cache.sessions.begin(request(id, 1, {}), kByName, 0);
    REQUIRE(context);
    CHECK(order(*context) == std::vector<PartitionIndex>{0, 1, 2});
    auto partition = context->partitions().begin();
    CHECK_FALSE(context->include(*partition, answer(10)));
    CHECK(context->include(*++partition, answer(11)));
    CHECK(context->include(*++partition, answer(10, true)));
}

TEST_CASE("after an error the next good answer is told again") {
    Cache cache;
    const int32_t id = cache.open({0});
    PartitionData failed = answer(-1);
    failed.error_code = static_cast<int16_t>(ErrorCode::not_leader_or_follower);
    {
        auto context = cache.sessions.begin(request(id, 1, {}), kByName, 0);
        CHECK(context->include(context->partitions().front(), failed));
    }
    auto context = cache.sessions.begin(request(id, 2, {}), kByName, 0);
    CHECK(context->include(context->partitions().front(), answer(10)));
}

TEST_CASE("partitions that gave records are served last next time") {
    Cache cache;
    const int32_t id = cache.open({0, 1, 2});
    {
        auto context = cache.sessions.begin(request(id, 1, {}), kByName, 0);
        auto partition = context->partitions().begin();
        context->include(*partition, answer(12, true));
        context->include(*++partition, answer(10));
        context->include(*++partition, answer(12, true));
        context->rotate();
    }
    auto context = cache.sessions.begin(request(id, 2, {}), kByName, 0);
    CHECK(order(*context) == std::vector<PartitionIndex>{1, 0, 2});
}

TEST_CASE("partitions are added, changed and forgotten") {
    Cache cache;
    const int32_t id = cache.open({0, 1});
    FetchRequest change = request(id, 1, {1, 3});
    change.topics[0].partitions[0].fetch_offset = 77;
    auto& forgotten = change.forgotten_topics_data.emplace_back();
    forgotten.topic = "t";
    forgotten.partitions = {0};
    auto context = cache.sessions.begin(change, kByName, 0);
    CHECK(order(*context) == std::vector<PartitionIndex>{1, 3});
    CHECK(context->partitions().front().fetch_offset == 77);
}

TEST_CASE("wrong sessions and epochs are refused") {
    Cache cache;
    const int32_t id = cache.open({0});
    CHECK(cache.sessions.begin(request(id + 1, 1, {}), kByName, 0).error().code ==
          ErrorCode::fetch_session_id_not_found);
    CHECK(cache.sessions.begin(request(id, 2, {}), kByName, 0).error().code ==
          ErrorCode::invalid_fetch_session_epoch);
    CHECK(cache.sessions.begin(request(id, 1, {}), kById, 0).error().code ==
          ErrorCode::fetch_session_topic_id_error);
    const auto context = cache.sessions.begin(request(id, 1, {}), kByName, 0);
    REQUIRE(context);
    INFO("a second request while the first is under way");
    CHECK(cache.sessions.begin(request(id, 2, {}), kByName, 0).error().code ==
          ErrorCode::invalid_fetch_session_epoch);
}

TEST_CASE("a final epoch closes the session, and an empty one closes itself") {
    Cache cache;
    const int32_t closed = cache.open({0});
    auto context = cache.sessions.begin(request(closed, -1, {0}), kByName, 0);
    REQUIRE(context);
    CHECK(context->session_id() == kNoFetchSession);
    CHECK(cache.sessions.size() == 0);

    const int32_t emptied = cache.open({0});
    FetchRequest forget = request(emptied, 1, {});
    auto& forgotten = forget.forgotten_topics_data.emplace_back();
    forgotten.topic = "t";
    forgotten.partitions = {0};
    CHECK(cache.sessions.begin(forget, kByName, 0)->session_id() == kNoFetchSession);
    CHECK(cache.sessions.size() == 0);
}

TEST_CASE("slots are bounded: an old session goes for a new one, a fresh one does not") {
    Cache cache;
    const int32_t first = cache.open({0}, 0);
    cache.open({0}, 100'000);
    CHECK(cache.open({0}, 110'000) == kNoFetchSession);
    CHECK(cache.open({0}, 125'000) != kNoFetchSession);
    CHECK(cache.sessions.begin(request(first, 1, {}), kByName, 0).error().code ==
          ErrorCode::fetch_session_id_not_found);
}
