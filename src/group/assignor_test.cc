#include "group/assignor.h"

#include <doctest/doctest.h>

#include <string>

#include "base/random.h"

namespace millrace::group {
namespace {

Uuid topic_id(uint64_t n) {
    return {0, n + 1};
}

struct Case {
    std::vector<std::string> ids;
    std::vector<AssignorMember> members;
    AssignorTopics topics;
    std::vector<TopicPartitions> current;

    // subscriptions[m] = bit set of topics; partitions[t] = count.
    Case(const std::vector<unsigned>& subscriptions, const std::vector<int>& partitions) {
        for (size_t t = 0; t < partitions.size(); t++) topics[topic_id(t)] = partitions[t];
        for (size_t m = 0; m < subscriptions.size(); m++) ids.push_back("m" + std::to_string(m));
        for (size_t m = 0; m < subscriptions.size(); m++) {
            AssignorMember member{.id = ids[m]};
            for (size_t t = 0; t < partitions.size(); t++)
                if (subscriptions[m] >> t & 1) member.topics.push_back(topic_id(t));
            members.push_back(std::move(member));
        }
    }
    void use_current(std::vector<TopicPartitions> assignment) {
        current = std::move(assignment);
        for (size_t m = 0; m < members.size(); m++)
            members[m].current = m < current.size() ? &current[m] : nullptr;
    }
};

bool subscribes(const AssignorMember& m, const Uuid& topic) {
    return std::ranges::binary_search(m.topics, topic);
}

// Every partition of a subscribed topic to exactly one subscriber, nothing else to anyone.
bool is_partition(const Case& c, const std::vector<TopicPartitions>& out) {
    std::map<std::pair<Uuid, PartitionIndex>, int> seen;
    bool ok = out.size() == c.members.size();
    for (size_t m = 0; m < out.size(); m++)
        each(out[m], [&](const Uuid& t, PartitionIndex p) {
            seen[{t, p}]++;
            ok = ok && subscribes(c.members[m], t) && p >= 0 && p < c.topics.at(t);
        });
    size_t expected = 0;
    for (const auto& [t, n] : c.topics)
        if (std::ranges::any_of(c.members, [&](const auto& m) { return subscribes(m, t); }))
            expected += static_cast<size_t>(n);
    ok = ok && seen.size() == expected;
    for (const auto& [tp, n] : seen) ok = ok && n == 1;
    return ok;
}

// No single move of a partition to another subscriber of its topic evens the loads out.
bool is_balanced(const Case& c, const std::vector<TopicPartitions>& out) {
    bool ok = true;
    for (size_t m = 0; m < out.size(); m++)
        for (const auto& [t, partitions] : out[m])
            for (size_t other = 0; other < out.size(); other++)
                if (subscribes(c.members[other], t))
                    ok = ok && count(out[m]) <= count(out[other]) + 1;
    return ok;
}

size_t moved(const std::vector<TopicPartitions>& before,
             const std::vector<TopicPartitions>& after) {
    size_t n = 0;
    for (size_t m = 0; m < after.size() && m < before.size(); m++)
        n += count(difference(before[m], after[m]));
    return n;
}

template <typename Fn>
void each_small_case(Fn&& fn) {
    for (int members = 0; members <= 3; members++)
        for (int p0 = 0; p0 <= 4; p0++)
            for (int p1 = 0; p1 <= 3; p1++)
                for (unsigned subs = 0; subs < 1u << (2 * members); subs++) {
                    std::vector<unsigned> subscriptions;
                    for (int m = 0; m < members; m++) subscriptions.push_back(subs >> (2 * m) & 3);
                    fn(Case{subscriptions, {p0, p1}}, subscriptions, std::vector<int>{p0, p1});
                }
}

TEST_CASE(
    "uniform: every small input gives a balanced partition, and nothing moves when it runs again") {
    int bad = 0;
    each_small_case([&](Case c, const auto&, const auto&) {
        auto out = assign_uniform(c.members, c.topics);
        bad += !is_partition(c, out) || !is_balanced(c, out);
        c.use_current(out);
        bad += assign_uniform(c.members, c.topics) != out;
    });
    CHECK(bad == 0);
}

TEST_CASE(
    "range: every small input gives a partition in neighbouring runs, the first members one more") {
    int bad = 0;
    each_small_case([&](const Case& c, const auto&, const auto&) {
        auto out = assign_range(c.members, c.topics);
        bad += !is_partition(c, out);
        for (const TopicPartitions& member : out)
            for (const auto& [t, p] : member)
                bad += p.back() - p.front() + 1 != static_cast<PartitionIndex>(p.size());
    });
    CHECK(bad == 0);
}

TEST_CASE("uniform: with equal subscriptions a join or a leave moves no more than it must") {
    Rng rng{7};
    for (int round = 0; round < 300; round++) {
        auto members = 1 + rng.below(8);
        std::vector<int> partitions;
        for (uint64_t t = 0, n = 1 + rng.below(4); t < n; t++)
            partitions.push_back(static_cast<int>(rng.below(20)));
        unsigned all = (1u << partitions.size()) - 1;
        Case before{std::vector<unsigned>(members, all), partitions};
        auto first = assign_uniform(before.members, before.topics);

        Case joined{std::vector<unsigned>(members + 1, all), partitions};
        joined.use_current(first);
        auto second = assign_uniform(joined.members, joined.topics);
        CHECK(is_partition(joined, second));
        CHECK(is_balanced(joined, second));
        CHECK(moved(first, second) == count(second.back()));  // only the new member's share moves

        auto remaining = second;
        remaining.pop_back();
        Case left{std::vector<unsigned>(members, all), partitions};
        left.use_current(remaining);
        auto third = assign_uniform(left.members, left.topics);
        CHECK(is_balanced(left, third));
        CHECK(moved(remaining, third) == 0);  // only the leaver's share moves
    }
}

TEST_CASE("uniform: random subscriptions, members and topics come and go") {
    Rng rng{11};
    for (int round = 0; round < 200; round++) {
        std::vector<TopicPartitions> current;
        for (int step = 0; step < 5; step++) {
            std::vector<int> partitions;
            for (uint64_t t = 0, n = 1 + rng.below(6); t < n; t++)
                partitions.push_back(static_cast<int>(rng.below(12)));
            std::vector<unsigned> subscriptions;
            for (uint64_t m = 0, n = rng.below(7); m < n; m++)
                subscriptions.push_back(static_cast<unsigned>(rng.below(1u << partitions.size())));
            Case c{subscriptions, partitions};
            c.use_current(current);
            auto out = assign_uniform(c.members, c.topics);
            CHECK(is_partition(c, out));
            CHECK(is_balanced(c, out));
            current = out;
        }
    }
}

TEST_CASE("range: static members come first, in the order of their instance ids") {
    Case c{{1, 1, 1}, {5}};
    c.members[2].instance_id = "a";
    c.members[1].instance_id = "b";
    auto out = assign_range(c.members, c.topics);
    CHECK(out[2] == TopicPartitions{{topic_id(0), {0, 1}}});
    CHECK(out[1] == TopicPartitions{{topic_id(0), {2, 3}}});
    CHECK(out[0] == TopicPartitions{{topic_id(0), {4}}});
}

TEST_CASE("assignors are found by name") {
    CHECK(bool{find_assignor("uniform") == assign_uniform});
    CHECK(bool{find_assignor("range") == assign_range});
    CHECK(bool{find_assignor("Uniform") == nullptr});
}

}  // namespace
}  // namespace millrace::group
