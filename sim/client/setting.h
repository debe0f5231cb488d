// What the simulations of clients stand on: a node, a client's machine, and what a reader who asks
// the node directly finds there.
#pragma once

#include <map>

#include "client/cluster.h"
#include "protocol/messages/create_topics.h"
#include "protocol/messages/fetch.h"
#include "protocol/record_batch.h"
#include "sim/node/node_world.h"

namespace millrace::sim {

class ClientSetting {
public:
    explicit ClientSetting(Simulation& sim, std::vector<std::string> settings = {})
        : world(sim, with_usual(std::move(settings))) {
        world.start_server();
    }

    static client::ClientConfig config(std::string_view servers = "server:9092") {
        client::ClientConfig out;
        out.bootstrap_servers = *client::parse_bootstrap_servers(servers);
        return out;
    }
    runtime::Context& context() { return world.client.context(); }

    // The task's result; deadline_exceeded when it did not end after `limit` of virtual time.
    template <typename T>
    Result<T> run(runtime::Task<Result<T>> task, Duration limit = std::chrono::minutes(10)) {
        auto out = world.sim.run(world.client.loop(), std::move(task), limit);
        if (!out) return fail(ErrorCode::deadline_exceeded, "the task never ended");
        return *std::move(out);
    }

    Result<void> create_topic(std::string name, int partitions,
                              std::map<std::string, std::string> configs = {}) {
        client::Cluster cluster{context(), config()};
        return run(make_topic(cluster, std::move(name), partitions, std::move(configs)));
    }
    static runtime::Task<Result<void>> make_topic(client::Cluster& cluster, std::string name,
                                                  int partitions,
                                                  std::map<std::string, std::string> configs = {}) {
        protocol::CreateTopicsRequest request;
        auto& topic = request.topics.emplace_back();
        topic.name = name;
        topic.num_partitions = partitions;
        topic.replication_factor = 1;
        for (const auto& [key, value] : configs) {
            auto& entry = topic.configs.emplace_back();
            entry.name = key;
            entry.value = value;
        }
        CO_TRY(const auto reply,
               co_await cluster.call_controller(request, cluster.after(std::chrono::minutes(1))));
        const auto code = static_cast<ErrorCode>(reply->topics.at(0).error_code);
        if (code != ErrorCode::none && code != ErrorCode::topic_already_exists)
            co_return fail(code);
        co_return {};
    }

    struct Stored {
        Offset offset;
        std::string key;
        std::string value;
    };
    // All records of a partition, those of aborted transactions too, control records not.
    Result<std::vector<Stored>> read_partition(std::string topic, PartitionIndex partition) {
        client::Cluster cluster{context(), config()};
        return run(read(cluster, std::move(topic), partition));
    }

    NodeWorld world;

private:
    // Of a log that was closed, the node knows only the last batch of each producer; so with an idle
    // time below the producer's patience, repeating the one before fails.
    static std::vector<std::string> with_usual(std::vector<std::string> settings) {
        settings.insert(settings.begin(), "millrace.log.idle.ms=300000");
        return settings;
    }

    static runtime::Task<Result<std::vector<Stored>>> read(client::Cluster& cluster,
                                                           std::string topic,
                                                           PartitionIndex partition) {
        const auto deadline = cluster.after(std::chrono::minutes(1));
        std::vector<Stored> out;
        CO_TRY(const auto info, co_await cluster.topic(topic, deadline));
        for (Offset next = 0;;) {
            protocol::FetchRequest request;
            request.replica_id = -1;
            request.max_wait_ms = 0;
            request.max_bytes = 1 << 20;
            auto& wanted = request.topics.emplace_back();
            wanted.topic_id = info->id;
            auto& part = wanted.partitions.emplace_back();
            part.partition = partition;
            part.fetch_offset = next;
            part.partition_max_bytes = 1 << 20;
            CO_TRY(const auto reply,
                   co_await cluster.call(info->leader(partition), request, deadline));
            const auto& answer = reply->responses.at(0).partitions.at(0);
            if (const auto code = static_cast<ErrorCode>(answer.error_code);
                code != ErrorCode::none)
                co_return fail(code);
            if (!answer.records || answer.records->empty()) {
                if (next >= answer.high_watermark) co_return std::move(out);
                continue;
            }
            CO_TRY_OK(take(answer.records->parts().at(0).bytes, out, next));
        }
    }

    static Result<void> take(ByteView bytes, std::vector<Stored>& out, Offset& next) {
        std::vector<uint8_t> scratch;
        TRY_OK(protocol::for_each_batch(bytes, [&](protocol::BatchView batch) -> Result<void> {
            next = batch.next_offset();
            if (batch.is_control()) return {};
            return protocol::for_each_record(
                batch, scratch, [&](const protocol::RecordView& record) {
                    out.push_back({record.offset,
                                   std::string(as_text(record.key.value_or(ByteView{}))),
                                   std::string(as_text(record.value.value_or(ByteView{})))});
                });
        }));
        return {};
    }
};

}  // namespace millrace::sim
