// Records as Apache Kafka 4.3.1 wrote them (tests/data/group/records.txt: offset, key and value in
// hex, "-" = tombstone; a "#" line starts another log): reading them and writing them again gives
// the same bytes.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "group/harness.h"
#include "group/metadata_hash.h"
#include "protocol/codec.h"
#include "protocol/records/consumer_group_member_metadata_key.h"
#include "protocol/records/consumer_group_regular_expression_key.h"
#include "protocol/records/group_metadata_key.h"
#include "protocol/records/offset_commit_key.h"

namespace millrace::group {
namespace {

std::vector<uint8_t> from_hex(const std::string& hex) {
    std::vector<uint8_t> out;
    for (size_t i = 0; i + 1 < hex.size(); i += 2)
        out.push_back(static_cast<uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    return out;
}

struct Reader {
    GroupConfig config;
    Rng rng{1};
    GroupMachine machine{config, rng, std::make_shared<TableView>()};
};

// The record that our state gives for the same key; nothing when the key is not ours to write.
std::optional<Record> rewritten(const GroupTable& table, const Record& record) {
    auto type = load_be<int16_t>(record.key.data());
    ByteView key = ByteView{record.key}.subspan(2);
    if (type == 1) {
        auto k = protocol::decode<protocol::OffsetCommitKey>(key, 0);
        const OffsetEntry* entry = table.offsets.find(k->group, k->topic, k->partition);
        REQUIRE(entry);
        return OffsetStore::to_record(k->group, k->topic, k->partition, *entry);
    }
    if (type == 2) {
        auto k = protocol::decode<protocol::GroupMetadataKey>(key, 0);
        return std::get<ClassicGroup>(table.groups.find(k->group.view())->second).to_record();
    }
    auto id = consumer_record_group(type, record.key);
    if (!id) return std::nullopt;
    const auto& group = std::get<ConsumerGroup>(table.groups.find(*id)->second);
    std::vector<Record> records;
    GroupChange change{group, records};
    // All keys of members have the same body.
    auto member_of = [&] {
        auto k = protocol::decode<protocol::ConsumerGroupMemberMetadataKey>(key, 0);
        return k->member_id.str();
    };
    switch (type) {
        case 3:
            change.set_epoch(group.epoch(), group.metadata_hash());
            break;
        case 5:
            change.set_member_metadata(*group.member(member_of()));
            break;
        case 6:
            change.set_assignment_epoch(group.assignment_epoch(), group.assignment_timestamp());
            break;
        case 7:
            change.set_target(member_of(), group.target(member_of()));
            break;
        case 8:
            change.set_member_assignment(*group.member(member_of()));
            break;
        case 16: {
            std::string regex =
                protocol::decode<protocol::ConsumerGroupRegularExpressionKey>(key, 0)
                    ->regular_expression.str();
            change.set_regex(regex, group.regexes().find(regex)->second);
            break;
        }
        default:
            return std::nullopt;
    }
    return records.at(0);
}

TEST_CASE("Kafka's records come out as they went in, but for the order of their parts") {
    std::ifstream in{"tests/data/group/records.txt"};
    REQUIRE(in);
    auto reader = std::make_unique<Reader>();
    std::map<int, int> seen;
    int in_order = 0;
    std::string line, log;
    while (std::getline(in, line)) {
        if (line.starts_with("#")) {
            log = line;
            reader = std::make_unique<Reader>();
            continue;
        }
        std::istringstream words{line};
        Offset offset;
        std::string key, value;
        words >> offset >> key >> value;
        Record record{from_hex(key), std::nullopt};
        if (value != "-") record.value = from_hex(value);
        CAPTURE(log);
        CAPTURE(offset);
        coordinator::RecordView view{offset, record.key, {}};
        if (record.value) view.value = ByteView{*record.value};
        Effects effects;
        REQUIRE(reader->machine.apply(view, effects).has_value());
        int type = load_be<int16_t>(record.key.data());
        if (!record.value) continue;
        auto ours = rewritten(reader->machine.table(), record);
        if (!ours) continue;
        seen[type]++;
        CAPTURE(type);
        CHECK(ours->key == record.key);
        // Kafka writes members and topics in the order of its hash tables.
        bool same = *ours->value == *record.value;
        in_order += same;
        std::ranges::sort(*ours->value);
        std::ranges::sort(*record.value);
        CHECK((same || *ours->value == *record.value));
    }
    CHECK(in_order > 100);
    for (int type : {1, 2, 3, 5, 6, 7, 8, 16}) {
        CAPTURE(type);
        CHECK(seen[type] > 0);
    }
}

TEST_CASE("the metadata hash is Kafka's") {
    TableView view;
    auto id = Uuid::parse("1fsMMVl-TKKFN__LTbtwCg");
    view.topics["orders"] = {"orders", *id, 2};
    view.topic_racks = {{"r1"}, {"r1"}};
    CHECK(metadata_hash({"orders"}, view) == 8946675764205887448);
    CHECK(metadata_hash({"orders", "missing"}, view) == 8946675764205887448);
    CHECK(metadata_hash({"missing"}, view) == 0);
    CHECK(metadata_hash({}, view) == 0);
    view.topic_racks.clear();
    CHECK(metadata_hash({"orders"}, view) != 8946675764205887448);
}

}  // namespace
}  // namespace millrace::group
