// Keeps the global stores of an instance up with their topics.
//
//   restore() -> run() until stop()
//
// Owner: KafkaStreams, or a test. Loop: that of the context. Kafka: GlobalStreamThread.
#pragma once

#include "client/consumer.h"
#include "streams/app/changelog_reader.h"
#include "streams/app/global_state.h"
#include "streams/task/task.h"

namespace millrace::streams {

class GlobalThread final : private RecordCollector {
public:
    // ConfigException for settings that the client refuses.
    GlobalThread(runtime::Context context, std::shared_ptr<const TopologyPlan> plan,
                 const StreamsConfig& config, GlobalState& state, std::string name,
                 StateRestoreListener* listener);

    // Until the stores are as their topics were at the beginning. Errors: those of the consumer,
    // topics that are not there, what processors throw.
    runtime::Task<Result<void>> restore();
    // Goes on reading. The error that ended it; the stores are closed then, and what is there is
    // kept.
    runtime::Task<Result<void>> run();
    void stop();

private:
    struct Progress {
        Offset end = 0;  // to restore to
        int64_t records = 0;
    };

    runtime::Task<Result<std::vector<TopicPartition>>> partitions_of_topics();
    runtime::Task<Result<void>> read(std::chrono::milliseconds patience);
    runtime::Task<Result<bool>> restored();
    void take_batch(client::RecordBatch batch);
    const std::string& store_of(const TopicPartition& partition) const;

    // RecordCollector: nothing leaves a global processor.
    void send(std::string_view topic, std::optional<PartitionIndex>, NullableView, NullableView,
              std::optional<TimestampMs>, const Headers&) override;
    int32_t partitions(std::string_view topic) override;

    runtime::Context context_;
    std::shared_ptr<const TopologyPlan> plan_;
    const StreamsConfig& config_;
    GlobalState& state_;
    StateRestoreListener* listener_;
    client::Consumer consumer_;
    Task task_;
    std::map<std::string, std::string> store_of_topic_;
    std::map<TopicPartition, Progress> progress_;  // of partitions that are to be restored
    bool stopping_ = false;
};

}  // namespace millrace::streams
