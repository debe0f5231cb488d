// An administrator with a view of the cluster of its own, which counts what goes over its
// connections, and tells the cluster if it is to (KIP-714; ClientConfig::for_admin).
//
//   AdminClient client{context, config};
//   CO_TRY(auto topics, co_await client.admin().list_topics());
//   CO_TRY_OK(co_await client.close());
//
// Owner: the application. Loop: that of the context; nothing here is thread-safe.
// Kafka: KafkaAdminClient.
#pragma once

#include "client/admin.h"
#include "client/telemetry/telemetry.h"

namespace millrace::client {

class AdminClient {
public:
    AdminClient(runtime::Context context, ClientConfig config)
        : cluster_(context, std::move(config)),
          telemetry_(cluster_, [this] { return metrics(); }, [] { return Telemetry::Labels{}; }) {
        // Which nobody else may ever ask for: most calls go to the first node that answers.
        if (cluster_.config().metrics_push) cluster_.request_update();
    }

    Admin& admin() { return admin_; }
    Cluster& cluster() { return cluster_; }
    // Under Kafka's names (docs/client.md).
    MetricList metrics() const {
        MetricList out = cluster_.metrics("admin-client");
        out.count_all();
        return out;
    }
    const Telemetry& telemetry() const { return telemetry_; }
    // The last push, when somebody is subscribed to it. Nothing may be called afterwards.
    runtime::Task<Result<void>> close(Duration patience = std::chrono::seconds(30)) {
        co_await telemetry_.close(cluster_.loop().now() + patience);
        co_return {};
    }

private:
    Cluster cluster_;
    Admin admin_{cluster_};
    Telemetry telemetry_;
};

}  // namespace millrace::client
