#include "broker/transaction_host.h"

#include "broker/coordinator_host.h"
#include "broker/transaction_marker.h"
#include "metadata/features.h"

namespace millrace::broker {

transaction::TransactionConfig transaction_config(const config::BrokerConfig& config) {
    const config::BrokerValues& values = config.values();
    return {.max_timeout_ms = values.transaction_timeout_ms_max,
            .id_expiration_ms = values.transactional_id_expiration_ms,
            .timeout_check_interval_ms = values.transaction_timeout_check_interval_ms,
            .expiration_check_interval_ms = values.transactional_id_expiration_check_interval_ms,
            .topic_partitions = values.transaction_topic_partitions,
            .two_phase_commit = values.transaction_two_phase_commit,
            .add_wait_ms = values.transaction_add_wait_ms_max};
}

void follow_image(transaction::TransactionCoordinator& transactions,
                  const metadata::ImagePtr& image) {
    const metadata::TopicPtr topic = image->topic(kTransactionsTopic);
    transactions.set_partition_count(topic ? static_cast<int32_t>(topic->partitions.size()) : 0);
}

runtime::Task<ErrorCode> write_marker(Broker& broker, TopicPartition partition,
                                      coordinator::Marker marker) {
    const metadata::TopicPtr topic = broker.image()->topic(std::string_view{partition.topic});
    if (!topic || !topic->partition(partition.partition))
        co_return ErrorCode::unknown_topic_or_partition;
    if (partition.topic == kOffsetsTopic)
        co_return co_await broker.groups().end_transaction(partition.partition, marker);
    auto opened = co_await broker.partitions().get(topic, partition.partition);
    if (!opened) co_return opened.code();
    const auto written = co_await append_marker(broker.loop(), *std::move(opened), marker);
    co_return written.code();
}

runtime::Task<Result<ProducerId>> TransactionHost::new_producer_id() {
    co_return co_await broker_.next_producer_id();
}

runtime::Task<ErrorCode> TransactionHost::write_marker(const TopicPartition& partition,
                                                       const coordinator::Marker& marker) {
    co_return co_await broker::write_marker(broker_, partition, marker);
}

int16_t TransactionHost::transaction_version() const {
    const auto& features = *broker_.image()->features;
    const auto found = features.find(std::string{metadata::kTransactionVersion});
    return found == features.end() ? int16_t{0} : found->second;
}

}  // namespace millrace::broker
