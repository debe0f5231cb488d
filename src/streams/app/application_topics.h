// The topics of an application, as the cluster has them when it begins: those that it reads are
// looked at, its own are made where they are not there yet.
#pragma once

#include "client/admin.h"
#include "streams/app/layout.h"

namespace millrace::streams {

// Errors: those of the administrator; what lay_out() throws, and an internal topic with a wrong
// number of partitions, as unknown_server_error. Kafka: InternalTopicManager.
runtime::Task<Result<Layout>> prepare_topics(client::Cluster& cluster, const TopologyPlan& plan,
                                             const StreamsConfig& config);

}  // namespace millrace::streams
