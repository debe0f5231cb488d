// The sending side of a producer: takes batches from the queues, makes requests of them, and
// decides from each answer what becomes of a batch.
//
// Owner: Producer. Loop: its. Bound: max.in.flight.requests.per.connection requests of
// max.request.size for each broker. Kafka: Sender.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "client/accumulator.h"
#include "client/producer_session.h"
#include "client/transactions.h"
#include "protocol/messages/produce.h"

namespace millrace::client {

class ProducerSender {
public:
    struct Stats {
        uint64_t requests = 0;
        uint64_t batches = 0;
        uint64_t records = 0;   // delivered
        uint64_t bytes = 0;     // of batches, as sent
        uint64_t repeated = 0;  // batches that were sent again
        uint64_t cut = 0;       // batches that were too large
        SendCounts counts;
        Sampled record_bytes;
        Sampled request_records;
        Sampled queue_time;  // ms, from a batch's first record to its first sending
        Sampled throttle;    // ms that brokers asked to wait
        Sampled latency;     // ms, of requests
        Sampled cuts;
        void add(MetricList& out, runtime::TimePoint now) const;
    };

    ProducerSender(Cluster& cluster, const ProducerConfig& config, SendSchedule& schedule,
                   Accumulator& accumulator, ProducerSession& session)
        : cluster_(cluster),
          config_(config),
          schedule_(schedule),
          accumulator_(accumulator),
          session_(session),
          tasks_(cluster.loop()) {}

    // Until the scope that it runs in is dropped.
    runtime::Task<void> run();
    // Fails everything that is not delivered nor under way.
    void give_up_all(const Error& why);
    // Fails what is under way as well, whatever becomes of it.
    void abandon_all(const Error& why);
    // Told of each batch's failure, if somebody wants to know.
    std::function<void(const ProducerBatch&)> on_failure;
    // Of a producer that has them, else nullptr.
    Transactions* transactions = nullptr;
    const Stats& stats() const { return stats_; }

private:
    using Answer = protocol::ProduceResponse::PartitionProduceResponse;
    using Batches = std::vector<BatchRef>;
    // A broker that leads partitions with something to send.
    struct Target {
        ConnectionPtr connection;
        bool connecting = false;
        int in_flight = 0;  // requests
    };

    runtime::TimePoint next_look();
    void drain(NodeId node);
    Batches collect(NodeId node);
    bool due(const ProducerBatch& batch) const;
    Result<void> seal(const BatchRef& batch);
    runtime::Task<void> connect(NodeId node);
    void start(NodeId node, Batches batches);
    void give_back_conditional(Batches& batches);
    void note_start(const Batches& batches);
    runtime::Task<void> await_answer(NodeId node, ConnectionPtr connection,
                                     BrokerConnection::Sent sent, Batches batches);
    void give_back(const Batches& batches, const Error& why);
    Result<protocol::ProduceRequest> request_of(const Batches& batches, int16_t version) const;
    void take_answers(const Batches& batches, const protocol::ProduceResponse& said);
    void take_answer(const BatchRef& batch, const Answer& said);
    bool retriable(const ProducerBatch& batch, ErrorCode code) const;
    void retry(const BatchRef& batch, ErrorCode code, Fate fate);
    void fail_batch(const BatchRef& batch, Error why);
    static bool abandoned(const BatchRef& batch);
    // What became of a batch makes other things possible.
    void look_on(PartitionQueue& queue);
    void expire();
    void mend(PartitionQueue& queue);
    void keep_identity();
    runtime::Task<void> acquire_identity();

    Cluster& cluster_;
    const ProducerConfig& config_;
    SendSchedule& schedule_;
    Accumulator& accumulator_;
    ProducerSession& session_;
    std::map<NodeId, Target> targets_;
    runtime::TimePoint throttled_until_ = runtime::kNever;  // the first of those that wait for it
    bool acquiring_ = false;
    Stats stats_;
    runtime::DroppingScope tasks_;
};

}  // namespace millrace::client
