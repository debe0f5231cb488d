// What the request handlers share: this node's partitions, metadata, sessions and coordinators.
//
// Owner: server. Loop: the shard's; handlers are coroutines on it (api/NN_name.cc, one file an API)
// and take a Broker&. Everything handed to the constructor must outlive the broker.
#pragma once

#include <memory>
#include <string>

#include "broker/fetch_session.h"
#include "broker/log_directories.h"
#include "broker/partition.h"
#include "broker/request_metrics.h"
#include "controller/metadata_node.h"
#include "group/group_coordinator.h"
#include "runtime/event.h"
#include "runtime/scope.h"
#include "transaction/transaction_coordinator.h"

namespace millrace::broker {

class Broker {
public:
    struct Parts {
        runtime::Loop& loop;
        storage::LogManager& logs;
        controller::MetadataNode& metadata;
        group::GroupCoordinator& groups;
        transaction::TransactionCoordinator& transactions;
        RequestMetrics& metrics;
    };
    // `config` is the static configuration; dynamic ones are laid over it as images arrive.
    // `listener` is the name of the listener that clients come in by, whose endpoint Metadata
    // answers with.
    Broker(Parts parts, std::shared_ptr<const config::BrokerConfig> config, std::string cluster_id,
           std::string listener);

    // With the first image, before any request.
    void start(const metadata::ImagePtr& image);
    // A new image was published.
    void on_image(const metadata::ImagePtr& image, const metadata::Delta& delta);
    // Wakes everything that is parked; handlers then answer with what they have.
    void stop() { stopping_.cancel(); }
    runtime::CancelToken stopping() { return stopping_.token(); }

    runtime::Loop& loop() { return parts_.loop; }
    const config::BrokerConfig& config() const { return *config_; }
    std::shared_ptr<const config::BrokerConfig> config_ptr() const { return config_; }
    const metadata::ImagePtr& image() const { return parts_.metadata.image(); }
    controller::MetadataNode& metadata() { return parts_.metadata; }
    Partitions& partitions() { return partitions_; }
    LogDirectories& directories() { return directories_; }
    FetchSessionCache& sessions() { return sessions_; }
    group::GroupCoordinator& groups() { return parts_.groups; }
    transaction::TransactionCoordinator& transactions() { return parts_.transactions; }
    RequestMetrics& metrics() { return parts_.metrics; }
    const std::string& cluster_id() const { return cluster_id_; }
    NodeId node_id() const { return node_id_; }
    const std::string& listener() const { return listener_; }

    // The next unused producer id; takes a new block from the controller when the last is used up.
    runtime::Task<Result<ProducerId>> next_producer_id();
    // Creates topics as auto.create.topics.enable (and the internal topics) do: with the broker's
    // defaults. The error of each topic, in order; none when it exists now.
    runtime::Task<std::vector<ErrorCode>> create_topics_automatically(
        std::vector<std::string> names);

private:
    void read_config(const metadata::Image& image);

    Parts parts_;
    std::shared_ptr<const config::BrokerConfig> config_;
    const std::string cluster_id_;
    const std::string listener_;
    const NodeId node_id_;
    Partitions partitions_;
    LogDirectories directories_;
    FetchSessionCache sessions_;
    runtime::CancelSource stopping_;
    runtime::AsyncMutex producer_ids_;
    ProducerId next_producer_id_ = 0;
    ProducerId producer_ids_end_ = 0;
};

}  // namespace millrace::broker
