// The settings of the clients inside an application. Kafka: StreamsConfig.getMainConsumerConfigs
// and its kin.
#pragma once

#include "client/consumer_config.h"
#include "client/producer_config.h"
#include "streams/config.h"

namespace millrace::streams {

// `name` is the client.id. ConfigException for what the clients refuse.
client::ConsumerConfig main_consumer_config(const StreamsConfig& config, const std::string& name);
// For reading changelogs: no group, and an offset that is not there any more is an error.
client::ConsumerConfig restore_consumer_config(const StreamsConfig& config,
                                               const std::string& name);
client::ConsumerConfig global_consumer_config(const StreamsConfig& config, const std::string& name);
// `transactional_id`: empty without exactly once.
client::ProducerConfig producer_config(const StreamsConfig& config, const std::string& name,
                                       const std::string& transactional_id);
client::ClientConfig admin_config(const StreamsConfig& config, const std::string& name);

}  // namespace millrace::streams
