#include "broker/client_connection.h"

#include <unistd.h>

#include <filesystem>

#include <doctest/doctest.h>

#include "broker/api_registry.h"
#include "broker/group_host.h"
#include "broker/transaction_host.h"
#include "controller/test_node.h"
#include "protocol/api_table.h"
#include "protocol/header.h"
#include "protocol/messages/api_versions.h"
#include "protocol/messages/delete_topics.h"
#include "protocol/messages/metadata.h"
#include "protocol/messages/produce.h"
#include "protocol/record_batch_builder.h"
#include "runtime/blocking_pool.h"
#include "runtime/linux_disk.h"
#include "runtime/linux_loop.h"

namespace millrace::broker {
namespace {

using protocol::ApiVersionsResponse;
using runtime::Task;

constexpr int16_t kProduceVersion = 12;

std::vector<uint8_t> flat(const Chain& chain) {
    std::vector<uint8_t> out;
    for (const ChainPart& part : chain.parts())
        out.insert(out.end(), part.bytes.begin(), part.bytes.end());
    return out;
}

// A broker of its own with the topic "t", and one connection to it.
struct Place {
    Place()
        : dir(std::filesystem::temp_directory_path() /
              fmt::format("millrace-broker-{}", ::getpid())) {
        std::filesystem::create_directories(dir);
        REQUIRE(loop.run_for_result(start()));
    }
    ~Place() {
        CHECK(loop.run_for_result(stop()));
        std::filesystem::remove_all(dir);
    }

    Task<Result<void>> start() {
        storage::LogManagerConfig how;
        how.directories = {dir};
        const auto log_config = [this](const std::string& topic) {
            return broker->partitions().log_config(topic);
        };
        CO_TRY(logs, co_await storage::LogManager::start(disk, loop.rng(), how, log_config,
                                                         loop.wall_ms()));
        controller::TestNode node{disk, logs->shard(), loop, dir};
        node.config = config;
        CO_TRY_OK(co_await node.format());
        CO_TRY(metadata, co_await node.start());
        groups = std::make_unique<group::GroupCoordinator>(loop, group_config(*config),
                                                           cluster_view(metadata->image(), config));
        transactions = std::make_unique<transaction::TransactionCoordinator>(
            loop, transaction_config(*config));
        broker = std::make_unique<Broker>(
            Broker::Parts{loop, *logs, *metadata, *groups, *transactions, metrics}, config,
            node.cluster_id, "PLAINTEXT");
        broker->start(metadata->image());
        metadata->set_listener([this](const auto& image, const metadata::Delta& delta) {
            broker->on_image(image, delta);
        });
        CO_TRY_OK(co_await node.join(*metadata));
        const auto created = co_await broker->create_topics_automatically({"t"});
        CHECK(created == std::vector{ErrorCode::none});
        connection = std::make_unique<ClientConnection>(*broker, "127.0.0.1:1");
        co_return {};
    }

    Task<Result<void>> stop() {
        connection.reset();
        broker->stop();
        CO_TRY_OK(co_await metadata->stop());
        auto stopped = co_await logs->stop(1, loop.wall_ms());
        broker.reset();
        co_return stopped;
    }

    // Neither the frame nor the answer with its size.
    Result<std::vector<uint8_t>> ask(std::vector<uint8_t> frame) {
        auto answer = loop.run_for_result(connection->handle(SharedBytes::own(std::move(frame))));
        if (!answer) return answer.error();
        const auto bytes = flat(*answer);
        if (bytes.empty()) return bytes;
        REQUIRE(bytes.size() >= 4);
        CHECK(load_be<int32_t>(bytes.data()) == static_cast<int32_t>(bytes.size() - 4));
        return std::vector<uint8_t>{bytes.begin() + 4, bytes.end()};
    }

    template <typename Request>
    Result<std::vector<uint8_t>> ask(const Request& request, int16_t version) {
        protocol::RequestHeader header;
        header.correlation_id = 7;
        header.client_id.emplace("tester");
        auto frame = flat(*protocol::encode_request_frame(header, request, version));
        return ask({frame.begin() + 4, frame.end()});
    }

    std::string dir;
    runtime::BlockingPool pool{1};
    runtime::LinuxLoop loop;
    runtime::LinuxDisk disk{pool};
    std::shared_ptr<const config::BrokerConfig> config =
        std::make_shared<const config::BrokerConfig>(config::BrokerConfig::defaults());
    RequestMetrics metrics;
    std::unique_ptr<storage::LogManager> logs;
    std::unique_ptr<controller::MetadataNode> metadata;
    std::unique_ptr<group::GroupCoordinator> groups;
    std::unique_ptr<transaction::TransactionCoordinator> transactions;
    std::unique_ptr<Broker> broker;
    std::unique_ptr<ClientConnection> connection;
};

// api key, api version, correlation id 7, and the rest as given.
std::vector<uint8_t> frame(int16_t key, int16_t version, std::vector<uint8_t> rest) {
    std::vector<uint8_t> out(8);
    store_be(out.data(), key);
    store_be(out.data() + 2, version);
    store_be<int32_t>(out.data() + 4, 7);
    out.insert(out.end(), rest.begin(), rest.end());
    return out;
}

TEST_CASE("ApiVersions of any version is answered (KIP-511)") {
    Place place;
    const std::vector<uint8_t> null_client{0xff, 0xff, 0};
    const std::vector<uint8_t> named_client{0, 1, 'c', 0, 9, 9};  // and a body that nobody knows
    for (const int16_t version : {int16_t{5}, int16_t{99}, int16_t{INT16_MAX}, int16_t{-1}})
        for (const auto& rest : {null_client, named_client}) {
            CAPTURE(version);
            const auto answer = place.ask(frame(18, version, rest));
            REQUIRE(answer);
            REQUIRE(load_be<int32_t>(answer->data()) == 7);
            const auto body =
                protocol::decode<ApiVersionsResponse>(ByteView{*answer}.subspan(4), 0);
            REQUIRE(body);
            CHECK(body->error_code == static_cast<int16_t>(ErrorCode::unsupported_version));
            REQUIRE(body->api_keys.size() == 1);
            CHECK(body->api_keys[0].api_key == 18);
            CHECK(body->api_keys[0].min_version == 0);
            CHECK(body->api_keys[0].max_version == 4);
        }
    CHECK(place.metrics.refused_frames == 0);
}

TEST_CASE("only ApiVersions answers have no tags in their header") {
    Place place;
    protocol::ApiVersionsRequest versions;
    versions.client_software_name = "tester";
    versions.client_software_version = "1";
    const auto offered = place.ask(versions, 4);
    REQUIRE(offered);
    const auto body = protocol::decode<ApiVersionsResponse>(ByteView{*offered}.subspan(4), 4);
    REQUIRE(body);
    CHECK(body->error_code == 0);
    CHECK(body->api_keys.size() == served_apis().size());
    bool kraft = false;
    for (const auto& feature : body->finalized_features)
        kraft |= feature.name.view() == "kraft.version" && feature.max_version_level == 1;
    CHECK(kraft);

    const auto metadata = place.ask(protocol::MetadataRequest{}, 12);
    REQUIRE(metadata);
    CHECK((*metadata)[4] == 0);
    CHECK(protocol::decode<protocol::MetadataResponse>(ByteView{*metadata}.subspan(5), 12));
}

TEST_CASE("what Kafka has not settled is for who asks for it") {
    const Api* api = find_api(22);  // InitProducerId
    REQUIRE(api);
    CHECK(api->offered_max(false) == 5);
    CHECK(api->offered_max(true) == 6);
    for (const Api& served : served_apis()) {
        CAPTURE(served.key);
        CHECK(served.offered_max(false) == protocol::find_api(served.key)->stable_max());
    }
}

TEST_CASE("what cannot be understood closes the connection, and is counted") {
    Place place;
    struct Row {
        const char* what;
        std::vector<uint8_t> bytes;
        ErrorCode error;
    };
    const Row rows[] = {
        {"nothing", {}, ErrorCode::malformed},
        {"half a header", {0, 3, 0}, ErrorCode::malformed},
        {"no client id", frame(3, 9, {}), ErrorCode::malformed},
        {"a client id longer than the frame", frame(3, 9, {0x7f, 0xff, 'x'}), ErrorCode::malformed},
        {"a client id of length -2", frame(3, 9, {0xff, 0xfe, 0}), ErrorCode::malformed},
        {"no tags", frame(3, 9, {0, 0}), ErrorCode::malformed},
        {"a body cut short", frame(3, 9, {0, 0, 0, 5}), ErrorCode::malformed},
        {"an API that does not exist", frame(9999, 0, {0, 0}), ErrorCode::unsupported_version},
        {"a negative API", frame(-1, 0, {0, 0}), ErrorCode::unsupported_version},
        {"an API of controllers", frame(52, 0, {0, 0, 0}), ErrorCode::unsupported_version},
        {"a version above", frame(3, 99, {0, 0, 0}), ErrorCode::unsupported_version},
        {"a version below", frame(1, 3, {0, 0}), ErrorCode::unsupported_version},
        {"an unstable version", frame(22, 6, {0, 0, 0}), ErrorCode::unsupported_version},
    };
    uint64_t refused = 0;
    for (const Row& row : rows) {
        CAPTURE(std::string(row.what));
        const auto answer = place.ask(row.bytes);
        CHECK(answer.code() == row.error);
        CHECK(place.metrics.refused_frames == ++refused);
    }
    INFO("the next request is not hurt by it");
    CHECK(place.ask(protocol::MetadataRequest{}, 12));
}

protocol::ProduceRequest produce(int16_t acks, std::string_view topic) {
    protocol::BatchBuilder builder({});
    builder.append(1000, std::nullopt, as_bytes("value"));
    protocol::ProduceRequest request;
    request.acks = acks;
    request.timeout_ms = 1000;
    auto& data = request.topic_data.emplace_back();
    data.name = protocol::Str(topic);
    data.partition_data.emplace_back().records.emplace();
    data.partition_data[0].records->append(SharedBytes::own(*builder.finish()));
    return request;
}

TEST_CASE("acks=0: nothing is answered, and an error closes the connection") {
    Place place;
    const auto silent = place.ask(produce(0, "t"), kProduceVersion);
    REQUIRE(silent);
    CHECK(silent->empty());
    const auto answered = place.ask(produce(1, "t"), kProduceVersion);
    REQUIRE(answered);
    REQUIRE(answered->size() > 5);
    const auto body = protocol::decode<protocol::ProduceResponse>(ByteView{*answered}.subspan(5),
                                                                  kProduceVersion);
    REQUIRE(body);
    const auto& partition = body->responses.at(0).partition_responses.at(0);
    CHECK(partition.error_code == 0);
    CHECK(partition.base_offset == 1);  // behind the one that nobody was told of
    CHECK(place.ask(produce(0, "nowhere"), kProduceVersion).code() ==
          ErrorCode::unknown_topic_or_partition);
    CHECK(place.metrics.apis[0].requests == 3);
    CHECK(place.metrics.refused_frames == 1);
}

TEST_CASE("a topic that was made anew is not harmed by who still holds the one before") {
    Place place;
    const auto partition = [&] {
        auto opened = place.loop.run_for_result(
            place.broker->partitions().get(place.broker->image()->topic("t"), 0));
        REQUIRE(opened.has_value());
        return *std::move(opened);
    };
    REQUIRE(place.ask(produce(1, "t"), kProduceVersion).has_value());
    PartitionPtr held = partition();
    protocol::DeleteTopicsRequest removal;
    removal.timeout_ms = 1000;
    removal.topics.emplace_back().name.emplace("t");
    REQUIRE(place.ask(removal, 6).has_value());
    CHECK(held->gone());
    protocol::MetadataRequest again;
    again.topics.emplace().emplace_back().name.emplace("t");
    REQUIRE(place.ask(again, 12).has_value());  // makes it
    REQUIRE(place.ask(produce(1, "t"), kProduceVersion).has_value());
    held.reset();
    CHECK(partition()->log().end_offset() == 1);
    CHECK(place.logs->find({"t", 0}) != nullptr);
}

TEST_CASE("a deleted topic leaves nothing, also where only background work had opened it") {
    Place place;
    REQUIRE(place.ask(produce(1, "t"), kProduceVersion).has_value());
    REQUIRE(place.broker->partitions().let_go({"t", 0}));  // the log stays open
    protocol::DeleteTopicsRequest removal;
    removal.timeout_ms = 1000;
    removal.topics.emplace_back().name.emplace("t");
    REQUIRE(place.ask(removal, 6).has_value());
    CHECK_FALSE(place.logs->contains({"t", 0}));
}

}  // namespace
}  // namespace millrace::broker
