// Against a model of what the broker remembers.
#include "client/fetch_session.h"

#include <doctest/doctest.h>

#include "base/random.h"

namespace millrace::client {
namespace {

// The broker's side: what it would fetch after the requests so far.
struct Broker {
    int32_t id = 0;
    int32_t epoch = 0;
    std::map<TopicPartition, Offset> remembered;

    // False when the request does not fit the session.
    bool take(const protocol::FetchRequest& request) {
        if (request.session_epoch == 0) {
            remembered.clear();
            id = 77;
            epoch = 0;
        } else if (request.session_id != id || request.session_epoch != epoch + 1) {
            return false;
        } else {
            epoch++;
        }
        for (const auto& topic : request.forgotten_topics_data)
            for (const int32_t index : topic.partitions)
                CHECK(remembered.erase({topic.topic.str(), index}) == 1);
        for (const auto& topic : request.topics)
            for (const auto& p : topic.partitions)
                remembered[{topic.topic.str(), p.partition}] = p.fetch_offset;
        return true;
    }
};

TEST_CASE("the broker knows what is wanted, from requests that name only changes") {
    Rng rng(7);
    std::vector<PartitionPtr> all;
    for (const char* topic : {"a", "b", "c"}) {
        for (int i = 0; i < 4; i++) {
            all.push_back(std::make_shared<PartitionState>(TopicPartition{topic, i}));
            all.back()->fetch_offset = 0;
        }
    }
    FetchSession session;
    Broker broker;
    size_t named = 0;
    size_t wanted_count = 0;
    for (int round = 0; round < 2000; round++) {
        std::vector<PartitionPtr> wanted;
        for (const PartitionPtr& p : all) {
            if (rng.chance(0.1)) p->fetch_offset++;
            if (rng.chance(0.9)) wanted.push_back(p);
        }
        if (rng.chance(0.02)) session.forget();  // a connection was lost
        protocol::FetchRequest request;
        session.name(request, wanted, 100);
        REQUIRE(broker.take(request));
        std::map<TopicPartition, Offset> expected;
        for (const PartitionPtr& p : wanted) expected[p->place] = p->fetch_offset;
        REQUIRE(broker.remembered == expected);
        for (const PartitionPtr& p : all)
            CHECK((session.find({}, p->place.topic, p->place.partition) != nullptr) ==
                  expected.contains(p->place));
        for (const auto& topic : request.topics) named += topic.partitions.size();
        wanted_count += wanted.size();
        session.answered(broker.id);
    }
    CHECK(named < wanted_count / 3);
}

TEST_CASE("answers name topics by id, also one that is gone by then") {
    const auto p = std::make_shared<PartitionState>(TopicPartition{"a", 0});
    p->fetch_offset = 3;
    p->topic_id = {1, 2};
    FetchSession session;
    protocol::FetchRequest request;
    session.name(request, std::array{p}, 100);
    session.answered(5);
    CHECK(session.find({1, 2}, "", 0) == p);
    CHECK_FALSE(session.find({1, 3}, "", 0));
    // Made anew: the session begins again.
    p->topic_id = {1, 3};
    request = {};
    session.name(request, std::array{p}, 100);
    CHECK(request.session_epoch == 0);
    CHECK(request.topics.at(0).topic_id == Uuid{1, 3});
    CHECK(session.find({1, 3}, "", 0) == p);
}

TEST_CASE("a broker without room for sessions hears everything each time") {
    const auto p = std::make_shared<PartitionState>(TopicPartition{"a", 0});
    p->fetch_offset = 3;
    FetchSession session;
    for (int i = 0; i < 3; i++) {
        protocol::FetchRequest request;
        session.name(request, std::array{p}, 100);
        CHECK(request.session_id == 0);
        CHECK(request.session_epoch == 0);
        REQUIRE(request.topics.size() == 1);
        CHECK(request.topics[0].partitions.at(0).fetch_offset == 3);
        session.answered(0);
    }
}

}  // namespace
}  // namespace millrace::client
