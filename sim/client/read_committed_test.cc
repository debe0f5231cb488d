// What a consumer sees of transactions: those that ended well, whole; those that did not, nothing.
#include "protocol/messages/add_partitions_to_txn.h"
#include "protocol/messages/end_txn.h"
#include "protocol/messages/init_producer_id.h"
#include "sim/client/consumer_world.h"

using namespace millrace;
using namespace millrace::sim;
using namespace millrace::runtime;

namespace {

constexpr int16_t kFirstProtocol = 3;  // AddPartitionsToTxn and EndTxn of before KIP-890
constexpr int16_t kProduceVersion = 11;

Result<void> check(int16_t code) {
    if (code != 0) return fail(static_cast<ErrorCode>(code));
    return {};
}

// A transactional producer of one partition.
struct Writer {
    client::Cluster& cluster;
    std::string id;
    ProducerId producer = -1;
    ProducerEpoch epoch = -1;
    int32_t sequence = 0;

    TimePoint soon() const { return cluster.after(60s); }
    Task<Result<NodeId>> coordinator() {
        co_return co_await cluster.coordinator(client::CoordinatorType::transaction, id, soon());
    }
    Task<Result<void>> init() {
        protocol::InitProducerIdRequest request;
        request.transactional_id.emplace(id);
        request.transaction_timeout_ms = 60'000;
        CO_TRY(const NodeId node, co_await coordinator());
        CO_TRY(const auto reply, co_await cluster.call(node, request, soon()));
        CO_TRY_OK(check(reply->error_code));
        producer = reply->producer_id;
        epoch = reply->producer_epoch;
        co_return {};
    }
    Task<Result<void>> write(std::vector<std::string> values) {
        protocol::AddPartitionsToTxnRequest add;
        add.v3_and_below_transactional_id = id;
        add.v3_and_below_producer_id = producer;
        add.v3_and_below_producer_epoch = epoch;
        auto& topic = add.v3_and_below_topics.emplace_back();
        topic.name = "t";
        topic.partitions.push_back(0);
        CO_TRY(const NodeId node, co_await coordinator());
        for (;;) {
            CO_TRY(const auto added, co_await cluster.call(node, add, soon(), kFirstProtocol));
            const auto code = added->results_by_topic_v3_and_below.at(0)
                                  .results_by_partition.at(0)
                                  .partition_error_code;
            if (static_cast<ErrorCode>(code) == ErrorCode::concurrent_transactions) {
                co_await cluster.loop().sleep_for(20ms);
                continue;
            }
            CO_TRY_OK(check(code));
            break;
        }
        protocol::BatchBuilder builder({.producer_id = producer,
                                        .producer_epoch = epoch,
                                        .base_sequence = sequence,
                                        .transactional = true});
        for (const std::string& value : values)
            builder.append(cluster.loop().wall_ms(), std::nullopt, as_bytes(value));
        sequence += static_cast<int32_t>(values.size());
        CO_TRY(auto batch, builder.finish());
        protocol::ProduceRequest request;
        request.transactional_id.emplace(id);
        request.acks = -1;
        request.timeout_ms = 30'000;
        auto& data = request.topic_data.emplace_back();
        data.name = "t";
        data.partition_data.emplace_back().records = Chain{SharedBytes::own(std::move(batch))};
        CO_TRY(const auto topic_info, co_await cluster.topic("t", soon()));
        CO_TRY(const auto reply,
               co_await cluster.call(topic_info->leader(0), request, soon(), kProduceVersion));
        co_return check(reply->responses.at(0).partition_responses.at(0).error_code);
    }
    Task<Result<void>> end(bool commit) {
        protocol::EndTxnRequest request;
        request.transactional_id = id;
        request.producer_id = producer;
        request.producer_epoch = epoch;
        request.committed = commit;
        CO_TRY(const NodeId node, co_await coordinator());
        CO_TRY(const auto reply, co_await cluster.call(node, request, soon(), kFirstProtocol));
        co_return check(reply->error_code);
    }
};

}  // namespace

SIM_TEST("read_committed leaves out what was aborted and waits for what is open") {
    ConsumerWorld w(sim);
    w.make_topic("t", 1);
    Writer a{*w.cluster, "a"};
    Writer b{*w.cluster, "b"};
    CHECK(w.run(a.init()).has_value());
    CHECK(w.run(b.init()).has_value());
    const auto ok = [&](Task<Result<void>> task) {
        const auto done = w.run(std::move(task));
        CHECK_MESSAGE(done.has_value(), (done ? "" : done.error().describe()));
    };
    ok(a.write({"a1", "a2"}));
    ok(b.write({"b1"}));
    ok(a.write({"a3"}));
    ok(b.end(false));
    ok(a.end(true));
    w.produce("t", 0, 0, 1);
    ok(b.write({"b2", "b3"}));
    ok(b.end(true));
    ok(a.write({"a4"}));
    ok(a.end(false));
    ok(a.write({"a5"}));
    w.produce("t", 0, 1, 2);

    const TopicPartition place{"t", 0};
    auto config = w.config();
    client::Consumer all(w.world.client.context(), config);
    config.isolation = client::IsolationLevel::read_committed;
    config.max_partition_fetch_bytes = 300;  // so that transactions span fetches
    client::Consumer committed(w.world.client.context(), config);
    Seen seen;
    CHECK(all.assign({place}).has_value());
    CHECK(*w.run(poll_until(all, seen, 10)) == 10);
    CHECK(seen[place] == std::vector<std::string>{"a1", "a2", "b1", "a3", "value 0", "b2", "b3",
                                                  "a4", "a5", "value 1"});
    seen.clear();
    CHECK(committed.assign({place}).has_value());
    CHECK(*w.run(poll_until(committed, seen, 7, 5s)) == 6);
    CHECK(seen[place] == std::vector<std::string>{"a1", "a2", "a3", "value 0", "b2", "b3"});
    const auto end = (*w.run(committed.end_offsets({place})))[place];
    CHECK(end < (*w.run(all.end_offsets({place})))[place]);
    CHECK(*w.run(committed.position(place)) == end);
    ok(a.end(true));
    CHECK(*w.run(poll_until(committed, seen, 8)) == 8);
    CHECK(seen[place].back() == "value 1");
    CHECK(w.run(all.close()).has_value());
    CHECK(w.run(committed.close()).has_value());
}
