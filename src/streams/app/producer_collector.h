// What tasks send, on its way through the thread's producer.
//
// Tasks do not wait: what the producer cannot take at once is kept here, and the thread stops
// processing (blocked()) until it has drained. With exactly once, everything between two commits is
// one transaction, which begins with the first record. Owner: StreamThread. Kafka:
// RecordCollectorImpl, StreamsProducer.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "client/producer.h"
#include "streams/task/task.h"

namespace millrace::streams {

class ProducerCollector final : public RecordCollector {
public:
    // Transactional if the configuration has a transactional.id.
    ProducerCollector(runtime::Context context, client::ProducerConfig config);

    // Before everything else, and for as long as it fails. Errors: those of init_transactions().
    runtime::Task<Result<void>> begin();

    // A failure that going back to the last commit mends (failures.h) does not show here but with
    // take_failure(); others are thrown.
    void send(std::string_view topic, std::optional<PartitionIndex> partition, NullableView key,
              NullableView value, std::optional<TimestampMs> timestamp,
              const Headers& headers) override;
    int32_t partitions(std::string_view topic) override;
    // How many partitions topics have which the producer has not met yet.
    void know(const std::map<std::string, int32_t>& partitions);

    bool blocked() const { return !waiting_.empty(); }
    // Hands over what waits, as the producer takes it.
    runtime::Task<Result<void>> drain();
    // The first failure since the last call: something that was sent will not arrive.
    std::optional<Error> take_failure();
    // Whether something was sent since the last commit.
    bool in_transaction() const { return in_transaction_; }

    // At least once: until everything sent before is delivered. The first failure.
    runtime::Task<Result<void>> flush();
    // Exactly once: what was sent and these offsets count together, or an error says that it is
    // open whether they do: start_over().
    runtime::Task<Result<void>> commit(client::CommittedOffsets offsets,
                                       client::GroupMetadata group);
    // What was sent since the last commit will not count (exactly once).
    runtime::Task<void> forget();
    // forget(), and then it can be used again. Errors: repeat it.
    runtime::Task<Result<void>> start_over();
    // The offset behind the last record delivered to a partition that was named in send(): where
    // a changelog ends for its task. After a commit; absent: nothing was sent since the last call.
    std::map<TopicPartition, Offset> take_ends();

    [[clang::coro_wrapper]] runtime::Task<Result<void>> close() { return producer_->close(); }

private:
    // A record that waits, with its own memory.
    struct Waiting {
        std::string topic;
        std::optional<PartitionIndex> partition;
        NullableBytes key;
        NullableBytes value;
        TimestampMs timestamp;
        Headers headers;
    };
    using Partitions = std::map<PartitionIndex, client::Delivery>;

    bool transactional() const { return !config_.transactional_id.empty(); }
    void open_transaction();
    void failed(const Error& error, std::string_view topic);
    void remember(std::string_view topic, std::optional<PartitionIndex> partition,
                  client::Delivery delivery);

    const runtime::Context context_;
    const client::ProducerConfig config_;
    std::unique_ptr<client::Producer> producer_;
    bool ready_ = false;  // for transactions
    bool in_transaction_ = false;
    std::map<std::string, int32_t, std::less<>> known_;
    std::deque<Waiting> waiting_;
    std::map<std::string, Partitions, std::less<>> last_;
    std::optional<Error> failure_;
    std::vector<client::RecordHeader> headers_;  // of the record at hand
};

}  // namespace millrace::streams
