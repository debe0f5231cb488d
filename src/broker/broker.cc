#include "broker/broker.h"

#include <algorithm>

namespace millrace::broker {
namespace {

constexpr int16_t kCreateTopicsVersion = 7;
constexpr int32_t kAutoCreateTimeoutMs = 30'000;

// How the broker creates a topic that nobody created explicitly.
protocol::CreateTopicsRequest::CreatableTopic automatic(const std::string& name,
                                                        const config::BrokerConfig& config) {
    protocol::CreateTopicsRequest::CreatableTopic topic;
    topic.name = name;
    topic.num_partitions = -1;
    topic.replication_factor = -1;
    const auto set = [&](const char* key, std::string value) {
        auto& entry = topic.configs.emplace_back();
        entry.name = key;
        entry.value = protocol::Str{value};
    };
    if (name == "__consumer_offsets") {
        topic.num_partitions = config.values().offsets_topic_partitions;
        topic.replication_factor =
            static_cast<int16_t>(config.values().offsets_topic_replication_factor);
        set("cleanup.policy", "compact");
        set("compression.type", "producer");
        set("segment.bytes", std::to_string(config.values().offsets_topic_segment_bytes));
    }
    if (name == "__transaction_state") {
        topic.num_partitions = config.values().transaction_topic_partitions;
        topic.replication_factor =
            static_cast<int16_t>(config.values().transaction_topic_replication_factor);
        set("cleanup.policy", "compact");
        set("compression.type", "uncompressed");
        set("min.insync.replicas", std::to_string(config.int32("transaction.state.log.min.isr")));
        set("segment.bytes", std::to_string(config.values().transaction_topic_segment_bytes));
        set("unclean.leader.election.enable", "false");
    }
    return topic;
}

}  // namespace

Broker::Broker(Parts parts, std::shared_ptr<const config::BrokerConfig> config,
               std::string cluster_id, std::string listener)
    : parts_(parts),
      config_(std::move(config)),
      cluster_id_(std::move(cluster_id)),
      listener_(std::move(listener)),
      node_id_(config_->node_id()),
      partitions_(parts.loop, parts.logs, node_id_),
      directories_(parts.loop, parts.logs, parts.metadata, partitions_, node_id_),
      sessions_(static_cast<size_t>(config_->values().fetch_session_slots_max), parts.loop.rng()) {
    partitions_.set_directories(directories_);
}

void Broker::start(const metadata::ImagePtr& image) {
    read_config(*image);
    partitions_.start(image, config_);
    directories_.start(image);
}

void Broker::on_image(const metadata::ImagePtr& image, const metadata::Delta& delta) {
    const auto is_broker = [](const metadata::ConfigResource& resource) {
        return resource.type == metadata::ResourceType::broker;
    };
    if (std::ranges::any_of(delta.configs, is_broker)) read_config(*image);
    partitions_.on_image(image, delta, config_);
    directories_.on_image(image, delta);
}

void Broker::read_config(const metadata::Image& image) {
    using metadata::ResourceType;
    config_ = std::make_shared<const config::BrokerConfig>(
        config_->with_dynamic(image.overrides(ResourceType::broker, std::to_string(node_id_)),
                              image.overrides(ResourceType::broker, "")));
    directories_.set_cordoned(config_->list("cordoned.log.dirs"));
}

runtime::Task<Result<ProducerId>> Broker::next_producer_id() {
    const auto guard = co_await producer_ids_.lock();
    if (next_producer_id_ == producer_ids_end_) {
        protocol::AllocateProducerIdsRequest request;
        request.broker_id = node_id_;
        if (const auto* self = image()->broker(node_id_)) request.broker_epoch = self->epoch;
        CO_TRY(const auto block, co_await metadata().allocate_producer_ids(request, 0));
        if (block.error_code != 0) co_return fail(static_cast<ErrorCode>(block.error_code));
        next_producer_id_ = block.producer_id_start;
        producer_ids_end_ = block.producer_id_start + block.producer_id_len;
    }
    co_return next_producer_id_++;
}

runtime::Task<std::vector<ErrorCode>> Broker::create_topics_automatically(
    std::vector<std::string> names) {
    protocol::CreateTopicsRequest request;
    request.timeout_ms = kAutoCreateTimeoutMs;
    for (const std::string& name : names) request.topics.push_back(automatic(name, config()));
    const auto response = co_await metadata().create_topics(request, kCreateTopicsVersion);
    std::vector<ErrorCode> errors(
        names.size(), response ? ErrorCode::unknown_server_error : response.error().code);
    if (!response) co_return errors;
    for (size_t i = 0; i < names.size(); ++i) {
        const auto& made = response->topics;
        const auto it = std::find_if(made.begin(), made.end(),
                                     [&](const auto& t) { return t.name == names[i]; });
        if (it == made.end()) continue;
        const auto code = static_cast<ErrorCode>(it->error_code);
        errors[i] = code == ErrorCode::topic_already_exists ? ErrorCode::none : code;
    }
    co_return errors;
}

}  // namespace millrace::broker
