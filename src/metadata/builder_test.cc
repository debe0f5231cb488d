#include "metadata/builder.h"

#include <doctest/doctest.h>

#include "base/random.h"
#include "metadata/features.h"
#include "metadata/snapshot.h"
#include "protocol/json.h"

namespace millrace::metadata {
namespace {

using protocol::MetadataRecord;
using protocol::Str;

std::string dump(const ImagePtr& image) {
    std::string out;
    REQUIRE(write_records(image, [&](const MetadataRecord& record) -> Result<void> {
        std::visit(
            [&](const auto& r) {
                out +=
                    fmt::format("{} {}\n", r.kName,
                                protocol::to_json(r, record_version(record, kMetadataVersionLatest),
                                                  protocol::Secrets::shown));
            },
            record);
        return {};
    }));
    return out;
}

// Records that fit what came before them, of every kind that changes something.
class RandomRecords {
public:
    explicit RandomRecords(uint64_t seed) : rng_(seed) {}

    MetadataRecord next() {
        switch (rng_.below(16)) {
            case 0:
            case 1:
                return new_topic();
            case 2:
                return topics_.size() > 3 ? remove_topic() : new_topic();
            case 3:
            case 4:
            case 5:
                return topics_.empty() ? new_topic() : new_partition();
            case 6:
            case 7:
                return change_partition();
            case 8:
                return config();
            case 9:
                return broker();
            case 10:
                return feature();
            case 11:
                return acl();
            case 12:
                return scram();
            case 13:
                return quota();
            case 14:
                return token();
            default:
                return producer_ids();
        }
    }

private:
    struct KnownTopic {
        Uuid id;
        std::string name;
        int32_t partitions = 0;
    };

    Uuid uuid() { return {rng_.next(), rng_.next()}; }
    std::string word() { return fmt::format("w{}", rng_.below(6)); }
    std::vector<int32_t> nodes() {
        std::vector<int32_t> all(rng_.below(5));
        for (auto& n : all) n = static_cast<int32_t>(rng_.below(9));
        return all;
    }
    std::optional<std::vector<int32_t>> maybe_nodes() {
        if (rng_.chance(0.5)) return std::nullopt;
        return nodes();
    }

    MetadataRecord new_topic() {
        // Names come again after their topic was removed, and collide.
        for (;;) {
            const std::string name =
                fmt::format("t{}{}", rng_.chance(0.5) ? "." : "_", rng_.below(30));
            bool used = false;
            for (const KnownTopic& t : topics_) used |= t.name == name;
            if (used && topics_.size() < 50) return producer_ids();
            topics_.push_back({uuid(), name});
            return protocol::TopicRecord{.name = Str(name), .topic_id = topics_.back().id};
        }
    }
    MetadataRecord remove_topic() {
        const size_t at = rng_.below(topics_.size());
        const Uuid id = topics_[at].id;
        topics_.erase(topics_.begin() + static_cast<ptrdiff_t>(at));
        return protocol::RemoveTopicRecord{.topic_id = id};
    }
    MetadataRecord new_partition() {
        KnownTopic& topic = topics_[rng_.below(topics_.size())];
        protocol::PartitionRecord r;
        r.partition_id = topic.partitions++;
        r.topic_id = topic.id;
        r.replicas = nodes();
        r.isr = nodes();
        r.leader = static_cast<int32_t>(rng_.below(4)) - 1;
        r.leader_epoch = static_cast<int32_t>(rng_.below(9));
        r.partition_epoch = static_cast<int32_t>(rng_.below(9));
        for (size_t i = 0; i < r.replicas.size(); ++i) r.directories.push_back(uuid());
        return r;
    }
    MetadataRecord change_partition() {
        std::vector<KnownTopic> with;
        for (const KnownTopic& t : topics_)
            if (t.partitions > 0) with.push_back(t);
        if (with.empty()) return feature();
        const KnownTopic& topic = with[rng_.below(with.size())];
        if (rng_.chance(0.1))
            return protocol::ClearElrRecord{.topic_name = Str(rng_.chance(0.5) ? topic.name : "")};
        protocol::PartitionChangeRecord r;
        r.partition_id = static_cast<int32_t>(rng_.below(static_cast<uint64_t>(topic.partitions)));
        r.topic_id = topic.id;
        r.isr = maybe_nodes();
        r.leader = static_cast<int32_t>(rng_.below(4)) - 2;
        r.replicas = maybe_nodes();
        r.adding_replicas = maybe_nodes();
        r.removing_replicas = maybe_nodes();
        r.eligible_leader_replicas = maybe_nodes();
        r.last_known_elr = maybe_nodes();
        return r;
    }
    MetadataRecord config() {
        protocol::ConfigRecord r;
        r.resource_type = rng_.chance(0.5) ? 2 : 4;
        r.resource_name = topics_.empty() || rng_.chance(0.3)
                              ? Str("")
                              : Str(topics_[rng_.below(topics_.size())].name);
        r.name = Str(word());
        r.value.reset();
        if (rng_.chance(0.7)) r.value = Str(word());
        return r;
    }
    MetadataRecord broker() {
        if (!brokers_.empty() && rng_.chance(0.6)) {
            auto [id, epoch] = *brokers_.begin();
            if (rng_.chance(0.1)) {
                brokers_.erase(id);
                return protocol::UnregisterBrokerRecord{.broker_id = id, .broker_epoch = epoch};
            }
            if (rng_.chance(0.2)) return protocol::FenceBrokerRecord{.id = id, .epoch = epoch};
            if (rng_.chance(0.2)) return protocol::UnfenceBrokerRecord{.id = id, .epoch = epoch};
            protocol::BrokerRegistrationChangeRecord r;
            r.broker_id = id;
            r.broker_epoch = epoch;
            r.fenced = static_cast<int8_t>(static_cast<int>(rng_.below(3)) - 1);
            r.in_controlled_shutdown = static_cast<int8_t>(rng_.below(2));
            if (rng_.chance(0.3)) r.cordoned_log_dirs = std::vector<Uuid>{uuid()};
            return r;
        }
        protocol::RegisterBrokerRecord r;
        r.broker_id = static_cast<int32_t>(rng_.below(4));
        r.broker_epoch = static_cast<int64_t>(rng_.below(1000));
        brokers_[r.broker_id] = r.broker_epoch;
        r.incarnation_id = uuid();
        r.end_points.push_back(
            {.name = Str(word()), .host = Str(word()), .port = 65535, .security_protocol = 3});
        r.features.push_back(
            {.name = Str(word()), .min_supported_version = 1, .max_supported_version = 2});
        r.rack.reset();
        if (rng_.chance(0.5)) r.rack = Str(word());
        r.log_dirs = {uuid()};
        return r;
    }
    MetadataRecord feature() {
        return protocol::FeatureLevelRecord{.name = Str(word()),
                                            .feature_level = static_cast<int16_t>(rng_.below(3))};
    }
    MetadataRecord acl() {
        if (!acls_.empty() && rng_.chance(0.4)) {
            const Uuid id = acls_.back();
            acls_.pop_back();
            return protocol::RemoveAccessControlEntryRecord{.id = id};
        }
        acls_.push_back(uuid());
        return protocol::AccessControlEntryRecord{.id = acls_.back(),
                                                  .resource_type = 2,
                                                  .resource_name = Str(word()),
                                                  .pattern_type = 3,
                                                  .principal = "User:a",
                                                  .host = "*",
                                                  .operation = 4,
                                                  .permission_type = 3};
    }
    MetadataRecord scram() {
        if (!scram_.empty() && rng_.chance(0.3)) {
            const std::string name = *scram_.begin();
            scram_.erase(name);
            return protocol::RemoveUserScramCredentialRecord{.name = Str(name), .mechanism = 1};
        }
        protocol::UserScramCredentialRecord r;
        const std::string name = word();
        scram_.insert(name);
        r.name = Str(name);
        r.mechanism = 1;
        r.salt = protocol::Blob(std::vector<uint8_t>{1, 2, 0});
        r.iterations = 4096;
        return r;
    }
    MetadataRecord quota() {
        protocol::ClientQuotaRecord r;
        auto& entity = r.entity.emplace_back();
        entity.entity_type = "user";
        entity.entity_name.reset();
        if (rng_.chance(0.5)) entity.entity_name = Str(word());
        r.key = Str(word());
        r.value = 0.1 * static_cast<double>(rng_.below(100));
        r.remove = rng_.chance(0.3);
        return r;
    }
    MetadataRecord token() {
        if (rng_.chance(0.3)) return protocol::RemoveDelegationTokenRecord{.token_id = Str(word())};
        protocol::DelegationTokenRecord r;
        r.token_id = Str(word());
        r.owner = "User:o";
        r.renewers = {Str("User:r")};
        r.max_timestamp = static_cast<int64_t>(rng_.below(100));
        return r;
    }
    MetadataRecord producer_ids() {
        protocol::ProducerIdsRecord r;
        r.next_producer_id = static_cast<int64_t>(rng_.below(100)) * 1000;
        return r;
    }

    Rng rng_;
    std::vector<KnownTopic> topics_;
    std::map<int32_t, int64_t> brokers_;
    std::vector<Uuid> acls_;
    std::set<std::string> scram_;
};

TEST_CASE("the live image, the one rebuilt from the log and the one from a snapshot are equal") {
    for (uint64_t seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        RandomRecords records(seed);
        Rng rng(seed);
        Builder live, rebuilt;
        std::vector<std::pair<ImagePtr, std::string>> old;
        ImagePtr image;
        for (int i = 0; i < 400; ++i) {
            const MetadataRecord record = records.next();
            auto applied = live.apply(record);
            INFO((applied ? std::string() : applied.error().message));
            REQUIRE(applied);
            REQUIRE(rebuilt.apply(record));
            if (!rng.chance(0.2)) continue;
            image = live.publish({}).first;
            if (rng.chance(0.1)) old.emplace_back(image, dump(image));
        }
        image = live.publish({}).first;
        const std::string text = dump(image);
        CHECK(dump(rebuilt.publish({}).first) == text);
        Builder loaded;
        REQUIRE(write_records(image, [&](const MetadataRecord& record) -> Result<void> {
            TRY(const auto bytes, protocol::encode_metadata_record(
                                      record, record_version(record, kMetadataVersionLatest)));
            TRY(const auto decoded, protocol::decode_metadata_record(bytes));
            return loaded.apply(decoded);
        }));
        CHECK(dump(loaded.publish({}).first) == text);
        for (const auto& [before, before_text] : old) CHECK(dump(before) == before_text);
    }
}

TEST_CASE("a delta tells what changed") {
    Builder builder;
    const Uuid id{1, 1};
    auto apply = [&](MetadataRecord record) { REQUIRE(builder.apply(record)); };
    apply(protocol::TopicRecord{.name = "t", .topic_id = id});
    protocol::PartitionRecord partition;
    partition.partition_id = 0;
    partition.topic_id = id;
    partition.leader_epoch = 0;
    apply(partition);
    auto [first, created] = builder.publish({});
    REQUIRE(created.topics.size() == 1);
    CHECK(created.topics[0].before == nullptr);
    CHECK(created.topics[0].after->partitions.size() == 1);
    CHECK(created.configs.empty());

    apply(protocol::PartitionChangeRecord{.partition_id = 0, .topic_id = id, .leader = 3});
    apply(protocol::ConfigRecord{
        .resource_type = 2, .resource_name = "t", .name = "a", .value = Str("b")});
    auto [second, changed] = builder.publish({});
    REQUIRE(changed.topics.size() == 1);
    CHECK(changed.topics[0].before->partitions[0].leader == -1);
    CHECK(changed.topics[0].after->partitions[0].leader == 3);
    CHECK(changed.configs.contains(ConfigResource{ResourceType::topic, "t"}));
    CHECK(first->partition("t", 0)->leader == -1);

    apply(protocol::RemoveTopicRecord{.topic_id = id});
    auto [third, removed] = builder.publish({});
    REQUIRE(removed.topics.size() == 1);
    CHECK(removed.topics[0].after == nullptr);
    CHECK(removed.configs.contains(ConfigResource{ResourceType::topic, "t"}));
    CHECK(third->topic("t") == nullptr);

    // Created and removed in between: nothing to tell.
    apply(protocol::TopicRecord{.name = "u", .topic_id = Uuid{2, 2}});
    apply(protocol::RemoveTopicRecord{.topic_id = Uuid{2, 2}});
    CHECK(builder.publish({}).second.topics.empty());
    apply(protocol::NoOpRecord{});
    CHECK(builder.publish({}).second.empty());

    // Removed and made anew under the same name.
    apply(protocol::TopicRecord{.name = "v", .topic_id = Uuid{3, 3}});
    builder.publish({});
    apply(protocol::RemoveTopicRecord{.topic_id = Uuid{3, 3}});
    apply(protocol::TopicRecord{.name = "v", .topic_id = Uuid{4, 4}});
    auto [fourth, replaced] = builder.publish({});
    CHECK(replaced.topics.size() == 2);
    CHECK(fourth->topic("v")->id == Uuid{4, 4});
    CHECK(fourth->topics_by_id.size() == 1);
}

TEST_CASE("an aborted transaction leaves nothing, an ended one everything") {
    for (bool abort : {true, false}) {
        CAPTURE(abort);
        Builder builder;
        REQUIRE(builder.apply(protocol::TopicRecord{.name = "before", .topic_id = Uuid{1, 1}}));
        REQUIRE(builder.apply(protocol::BeginTransactionRecord{}));
        CHECK(builder.in_transaction());
        CHECK_FALSE(builder.apply(protocol::BeginTransactionRecord{}));
        REQUIRE(builder.apply(protocol::TopicRecord{.name = "inside", .topic_id = Uuid{2, 2}}));
        REQUIRE(builder.apply(protocol::RemoveTopicRecord{.topic_id = Uuid{1, 1}}));
        REQUIRE(builder.apply(protocol::FeatureLevelRecord{.name = "f", .feature_level = 1}));
        if (abort) {
            REQUIRE(builder.apply(protocol::AbortTransactionRecord{}));
        } else {
            REQUIRE(builder.apply(protocol::EndTransactionRecord{}));
        }
        CHECK_FALSE(builder.in_transaction());
        auto [image, delta] = builder.publish({});
        CHECK((image->topic("before") != nullptr) == abort);
        CHECK((image->topic("inside") != nullptr) == !abort);
        CHECK(image->feature_level("f") == (abort ? 0 : 1));
        CHECK(delta.features == !abort);
        CHECK_FALSE(builder.apply(protocol::EndTransactionRecord{}));
        CHECK_FALSE(builder.apply(protocol::AbortTransactionRecord{}));
    }
}

TEST_CASE("records that do not fit are refused") {
    Builder builder;
    REQUIRE(builder.apply(protocol::TopicRecord{.name = "t", .topic_id = Uuid{1, 1}}));
    protocol::PartitionRecord far;
    far.partition_id = 2'000'000;
    far.topic_id = Uuid{1, 1};
    far.leader_epoch = 0;
    protocol::PartitionRecord negative = far;
    negative.partition_id = -1;
    protocol::PartitionRecord stranger = far;
    stranger.partition_id = 0;
    stranger.topic_id = Uuid{9, 9};
    const MetadataRecord bad[] = {
        protocol::TopicRecord{.name = "u", .topic_id = Uuid{1, 1}},
        protocol::TopicRecord{.name = "t", .topic_id = Uuid{2, 2}},
        far,
        negative,
        stranger,
        protocol::PartitionChangeRecord{.partition_id = 0, .topic_id = Uuid{1, 1}},
        protocol::PartitionChangeRecord{.partition_id = 0, .topic_id = Uuid{9, 9}},
        protocol::RemoveTopicRecord{.topic_id = Uuid{9, 9}},
        protocol::FenceBrokerRecord{.id = 1},
        protocol::UnregisterBrokerRecord{.broker_id = 1},
        protocol::BrokerRegistrationChangeRecord{.broker_id = 1},
        protocol::RemoveAccessControlEntryRecord{.id = Uuid{1, 1}},
        protocol::RemoveUserScramCredentialRecord{.name = "x"},
    };
    builder.publish({});
    for (const MetadataRecord& record : bad) {
        CAPTURE(record.index());
        CHECK(builder.apply(record).code() == ErrorCode::malformed);
    }
}

TEST_CASE("features: defaults, names and dependencies as Apache Kafka has them") {
    using Levels = std::map<std::string, int16_t>;
    CHECK(default_levels(30) == Levels{{"metadata.version", 30},
                                       {"eligible.leader.replicas.version", 1},
                                       {"group.version", 1},
                                       {"share.version", 1},
                                       {"streams.version", 1},
                                       {"transaction.version", 2}});
    CHECK(default_levels(24) ==
          Levels{{"metadata.version", 24}, {"group.version", 1}, {"transaction.version", 2}});
    CHECK(default_levels(7) == Levels{{"metadata.version", 7}});
    CHECK(metadata_version_name(30) == "4.3-IV0");
    CHECK(metadata_version_name(7) == "3.3-IV3");
    CHECK_FALSE(metadata_version_name(31));
    CHECK(check_dependencies(default_levels(30)));
    CHECK_FALSE(
        check_dependencies({{"metadata.version", 22}, {"eligible.leader.replicas.version", 1}}));
}

}  // namespace
}  // namespace millrace::metadata
