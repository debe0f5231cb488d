// Against what Java's assignors answered (tests/data/client/assignments.tsv, written by
// tests/interop/java/RecordAssignments.java).
#include "client/assign/assignor.h"

#include <doctest/doctest.h>

#include <charconv>
#include <fstream>
#include <string>

#include "client/assign/sticky_user_data.h"

namespace millrace::client {
namespace {

std::vector<std::string> split(std::string_view text, char at) {
    std::vector<std::string> out;
    while (true) {
        const size_t end = text.find(at);
        out.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) return out;
        text = text.substr(end + 1);
    }
}

int32_t number(std::string_view text) {
    int32_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

// "t0:0,3;t1:2"
std::vector<TopicPartition> partitions_of(std::string_view text) {
    std::vector<TopicPartition> out;
    if (text == "-") return out;
    for (const std::string& topic : split(text, ';')) {
        const size_t colon = topic.find(':');
        for (const std::string& index : split(std::string_view(topic).substr(colon + 1), ','))
            out.push_back({topic.substr(0, colon), number(index)});
    }
    return out;
}

std::vector<uint8_t> from_hex(std::string_view text) {
    std::vector<uint8_t> out;
    if (text == "-") return out;
    for (size_t i = 0; i < text.size(); i += 2) {
        uint8_t byte = 0;
        std::from_chars(text.data() + i, text.data() + i + 2, byte, 16);
        out.push_back(byte);
    }
    return out;
}

struct RecordedCase {
    size_t line = 0;
    std::string assignor;
    AssignableTopics topics;
    std::vector<GroupMember> members;
    GroupAssignment expected;
};

GroupMember member_of(const std::vector<std::string>& f) {
    GroupMember m{.id = f[1], .topics = split(f[4], ','), .owned = partitions_of(f[5])};
    if (f[2] != "-") m.instance_id = f[2];
    if (f[3] != "-") m.rack = f[3];
    m.generation = number(f[6]);
    m.user_data = from_hex(f[7]);
    return m;
}

AssignableTopic topic_of(const std::vector<std::string>& f) {
    AssignableTopic topic{.partitions = number(f[2]), .racks = {}};
    if (f[3] == "-") return topic;
    for (const std::string& racks : split(f[3], ',')) topic.racks.push_back(split(racks, '+'));
    return topic;
}

std::vector<RecordedCase> recorded_cases() {
    std::vector<RecordedCase> out;
    std::ifstream file("tests/data/client/assignments.tsv");
    size_t line_number = 0;
    for (std::string line; std::getline(file, line);) {
        line_number++;
        const auto f = split(line, '\t');
        if (f[0] == "case") out.push_back({.line = line_number, .assignor = f[1]});
        if (f[0] == "topic") out.back().topics[f[1]] = topic_of(f);
        if (f[0] == "member") out.back().members.push_back(member_of(f));
        if (f[0] == "gets") out.back().expected.push_back(partitions_of(f[2]));
    }
    return out;
}

TEST_CASE("every assignor gives what Java's gives") {
    const auto cases = recorded_cases();
    REQUIRE(cases.size() > 700);
    for (const RecordedCase& c : cases) {
        CAPTURE(c.line);
        CAPTURE(c.assignor);
        const auto assignor = make_assignor(c.assignor);
        REQUIRE(assignor);
        const auto given = assignor->assign(c.members, c.topics);
        CHECK(given == c.expected);
    }
}

TEST_CASE("assignors are found by their names and by Java's class names") {
    CHECK(make_assignor("range")->name() == "range");
    CHECK(make_assignor("org.apache.kafka.clients.consumer.CooperativeStickyAssignor")->name() ==
          "cooperative-sticky");
    CHECK_FALSE(make_assignor("RangeAssignor"));
    CHECK_FALSE(make_assignor("uniform"));
}

TEST_CASE("a sticky member tells the next leader what it had") {
    const auto assignor = make_assignor("sticky");
    CHECK(assignor->user_data().empty());
    const std::vector<TopicPartition> had{{"a", 1}, {"b", 0}, {"a", 0}};
    assignor->assigned(had, 7);
    const auto claim = assign::decode_claim(assignor->user_data());
    CHECK(claim.partitions == std::vector<TopicPartition>{{"a", 1}, {"a", 0}, {"b", 0}});
    CHECK(claim.generation == 7);

    const auto cooperative = make_assignor("cooperative-sticky");
    cooperative->assigned(had, 9);
    CHECK(assign::decode_generation(cooperative->user_data()) == 9);
}

TEST_CASE("damaged user data claims nothing") {
    const auto whole = assign::encode_claim(std::vector<TopicPartition>{{"abc", 4}}, 3);
    const ByteView bytes(whole);
    CHECK(assign::decode_claim(bytes).generation == 3);
    // Without the generation: what the oldest clients send.
    CHECK(assign::decode_claim(bytes.first(whole.size() - 4)).partitions.size() == 1);
    CHECK_FALSE(assign::decode_claim(bytes.first(whole.size() - 4)).generation);
    for (size_t cut = 0; cut < whole.size() - 4; cut++) {
        CAPTURE(cut);
        CHECK(assign::decode_claim(bytes.first(cut)).partitions.empty());
    }
    std::vector<uint8_t> endless{0x7f, 0xff, 0xff, 0xff};
    CHECK(assign::decode_claim(endless).partitions.empty());
}

}  // namespace
}  // namespace millrace::client
