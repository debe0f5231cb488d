// What the tests of the consumer stand on: a node, records in it, and consumers on the clients'
// machine.
#pragma once

#include "client/consumer.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/produce.h"
#include "protocol/record_batch_builder.h"
#include "sim/node/node_world.h"

namespace millrace::sim {

using namespace std::chrono_literals;

class ConsumerWorld {
public:
    explicit ConsumerWorld(Simulation& sim, std::vector<std::string> settings = {})
        : world(sim, std::move(settings)) {
        world.start_server();
        client::ClientConfig config;
        config.bootstrap_servers = *client::parse_bootstrap_servers("server:9092");
        cluster.emplace(world.client.context(), config);
    }

    client::ConsumerConfig config(std::string group = {}) {
        client::ConsumerConfig out;
        out.client.bootstrap_servers = *client::parse_bootstrap_servers("server:9092");
        out.client.metadata_max_age = 5s;
        out.group_id = std::move(group);
        out.offset_reset.kind = client::OffsetReset::Kind::earliest;
        return out;
    }

    template <typename T>
    Result<T> run(runtime::Task<Result<T>> task, Duration limit = 10min) {
        auto out = world.sim.run(world.client.loop(), std::move(task), limit);
        if (!out) return fail(ErrorCode::deadline_exceeded, "the task never ended");
        return *std::move(out);
    }

    void make_topic(std::string name, int32_t partitions) {
        const auto made = run(create(*cluster, std::move(name), partitions));
        REQUIRE_MESSAGE(made.has_value(), made.error().describe());
    }

    // One batch for each value, in order.
    void produce(std::string topic, PartitionIndex partition, int from, int to,
                 protocol::Codec codec = protocol::Codec::none) {
        const auto done = run(append(*cluster, std::move(topic), partition, from, to, codec));
        REQUIRE_MESSAGE(done.has_value(), done.error().describe());
    }

    static std::string value_of(int number) { return fmt::format("value {}", number); }

    static runtime::Task<Result<void>> create(client::Cluster& cluster, std::string name,
                                              int32_t partitions) {
        protocol::CreateTopicsRequest request;
        auto& topic = request.topics.emplace_back();
        topic.name = name;
        topic.num_partitions = partitions;
        topic.replication_factor = 1;
        CO_TRY(const auto reply, co_await cluster.call_controller(request, cluster.after(60s)));
        const auto code = static_cast<ErrorCode>(reply->topics.at(0).error_code);
        if (code != ErrorCode::none && code != ErrorCode::topic_already_exists)
            co_return fail(code);
        CO_TRY_OK(co_await cluster.topic(name, cluster.after(60s)));
        co_return {};
    }

    static runtime::Task<Result<void>> append(client::Cluster& cluster, std::string topic,
                                              PartitionIndex partition, int from, int to,
                                              protocol::Codec codec) {
        constexpr int16_t kVersionWithNames = 12;
        for (int next = from; next < to;) {
            protocol::BatchBuilder builder({.codec = codec});
            std::vector<std::string> values;
            for (int i = 0; i != 3 && next < to; ++i) {
                values.push_back(value_of(next++));
                builder.append(cluster.loop().wall_ms(), std::nullopt, as_bytes(values.back()));
            }
            CO_TRY(auto batch, builder.finish());
            protocol::ProduceRequest request;
            request.acks = -1;
            request.timeout_ms = 30'000;
            auto& data = request.topic_data.emplace_back();
            data.name = topic;
            auto& part = data.partition_data.emplace_back();
            part.index = partition;
            part.records = Chain{SharedBytes::own(std::move(batch))};
            CO_TRY(const TopicPtr info, co_await cluster.topic(topic, cluster.after(60s)));
            CO_TRY(const auto reply, co_await cluster.call(info->leader(partition), request,
                                                           cluster.after(30s), kVersionWithNames));
            const auto& said = reply->responses.at(0).partition_responses.at(0);
            if (said.error_code != 0) co_return fail(static_cast<ErrorCode>(said.error_code));
        }
        co_return {};
    }
    using TopicPtr = client::TopicPtr;

    NodeWorld world;
    std::optional<client::Cluster> cluster;
};

// What a consumer was given: values by partition, in order.
using Seen = std::map<TopicPartition, std::vector<std::string>>;

inline size_t count(const Seen& seen) {
    size_t out = 0;
    for (const auto& [place, values] : seen) out += values.size();
    return out;
}

// One poll; how many records it gave.
inline runtime::Task<Result<size_t>> poll_once(client::Consumer& consumer, Seen& seen,
                                               Duration patience = 200ms) {
    CO_TRY(auto batches, co_await consumer.poll(patience));
    size_t records = 0;
    for (client::RecordBatch& batch : batches) {
        CO_TRY_OK(batch.for_each([&](const client::RecordView& record) {
            seen[batch.place()].emplace_back(as_text(*record.value));
            ++records;
        }));
    }
    co_return records;
}

// Polls until that many records were seen, or `limit` is over.
inline runtime::Task<Result<size_t>> poll_until(client::Consumer& consumer, Seen& seen,
                                                size_t records, Duration limit = 60s) {
    runtime::Loop& loop = runtime::Loop::current();
    const auto end = loop.now() + limit;
    while (count(seen) < records && loop.now() < end) CO_TRY_OK(co_await poll_once(consumer, seen));
    co_return count(seen);
}

}  // namespace millrace::sim
