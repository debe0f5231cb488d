// The node as the transaction coordinator sees it, and the marker writer that WriteTxnMarkers
// shares.
//
// Owner: server. Loop: the shard's.
#pragma once

#include "broker/broker.h"

namespace millrace::broker {

// Of the broker's configuration.
transaction::TransactionConfig transaction_config(const config::BrokerConfig& config);
// Tells the coordinator how many partitions __transaction_state has.
void follow_image(transaction::TransactionCoordinator& transactions,
                  const metadata::ImagePtr& image);

// Ends a transaction in one partition: a partition of __consumer_offsets through the group
// coordinator, whose offsets it ends as well. Errors: as broker::append_marker; not_coordinator and
// coordinator_load_in_progress while the offsets are not loaded.
runtime::Task<ErrorCode> write_marker(Broker& broker, TopicPartition partition,
                                      coordinator::Marker marker);

class TransactionHost : public transaction::Host {
public:
    explicit TransactionHost(Broker& broker) : broker_(broker) {}

    runtime::Task<Result<ProducerId>> new_producer_id() override;
    runtime::Task<ErrorCode> write_marker(const TopicPartition& partition,
                                          const coordinator::Marker& marker) override;
    int16_t transaction_version() const override;

private:
    Broker& broker_;
};

}  // namespace millrace::broker
