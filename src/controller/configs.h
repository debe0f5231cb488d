// AlterConfigs and IncrementalAlterConfigs of topics, brokers, groups and client metrics
// subscriptions. Broker loggers are not metadata: the broker answers for them itself.
// Kafka: ConfigurationControlManager, ConfigAdminManager.
#pragma once

#include "controller/outcome.h"
#include "protocol/messages/alter_configs.h"
#include "protocol/messages/incremental_alter_configs.h"

namespace millrace::controller {

// Per resource: invalid_request (resource or name given twice, null value, unknown type or
// operation, a broker that is not this one), unknown_topic_or_partition, invalid_topic_exception,
// invalid_config.
Outcome<protocol::AlterConfigsResponse> alter_configs(const Context& context,
                                                      const protocol::AlterConfigsRequest& request);
Outcome<protocol::IncrementalAlterConfigsResponse> incremental_alter_configs(
    const Context& context, const protocol::IncrementalAlterConfigsRequest& request);

// The records that lead from one set of overrides to the other: removals, then what is new or
// changed; and where min.insync.replicas changes while eligible leader replicas are kept, a
// ClearElrRecord, since they were chosen by the old value.
void add_config_records(const Context& context, const metadata::ConfigResource& resource,
                        const config::Overrides& before, const config::Overrides& after,
                        Records& records);

}  // namespace millrace::controller
