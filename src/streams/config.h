// The settings of a streams application, under Kafka's names and defaults. Kafka: StreamsConfig.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "streams/core/topology_plan.h"
#include "streams/errors.h"

namespace millrace::streams {

// What an error handler knows of the failure. Kafka: ErrorHandlerContext.
struct ErrorHandlerContext {
    const RecordContext& record;
    std::string_view node;
    TaskId task;
};
// fail ends the thread's work; resume passes the record over.
enum class ErrorDecision : uint8_t { fail, resume };
using ErrorHandler =
    std::function<ErrorDecision(const ErrorHandlerContext& context, const std::exception& e)>;

ErrorHandler log_and_fail();
ErrorHandler log_and_continue();

struct StreamsConfig {
    std::string application_id;
    std::string bootstrap_servers;
    std::string client_id;
    std::string state_dir = "/tmp/kafka-streams";
    int32_t num_stream_threads = 1;
    int32_t num_standby_replicas = 0;
    int32_t replication_factor = -1;
    bool exactly_once = false;            // processing.guarantee=exactly_once_v2
    int64_t commit_interval_ms = 30'000;  // 100 with exactly once
    int64_t max_task_idle_ms = 0;
    int32_t buffered_records_per_partition = 1000;
    int64_t task_timeout_ms = 300'000;
    int64_t statestore_cache_max_bytes = 10'485'760;
    int64_t state_cleanup_delay_ms = 600'000;
    int64_t repartition_purge_interval_ms = 30'000;
    int64_t changelog_additional_retention_ms = 86'400'000;  // windowstore.changelog.additional…
    bool explicit_naming = false;  // ensure.explicit.internal.resource.naming

    // topology.optimization
    bool reuse_source_topics = false;
    bool merge_repartition_topics = false;
    bool single_store_self_join = false;

    // dsl.store.suppliers.class: where the DSL's stores are that name no place themselves.
    bool dsl_stores_in_memory = false;

    SerdePtr default_key_serde;
    SerdePtr default_value_serde;
    TimestampExtractor default_timestamp_extractor;  // null: fail on an invalid timestamp

    ErrorHandler deserialization_exception_handler = log_and_fail();
    ErrorHandler processing_exception_handler = log_and_fail();
    bool processing_exception_handler_global = false;
    std::string dead_letter_queue_topic;  // errors.dead.letter.queue.topic.name

    // At most once in so long of wall clock are unmatched join records and closed windows looked
    // for (Kafka's internal settings). Absent: 1000, but in the test driver at every record.
    std::optional<int64_t> emit_interval_outer_join_ms;
    std::optional<int64_t> emit_interval_windowed_aggregation_ms;
    static constexpr int64_t kEmitIntervalMs = 1000;

    // For the clients inside: settings by their names, those of one kind of client with its prefix
    // (consumer., main.consumer., restore.consumer., global.consumer., producer., admin.).
    std::map<std::string, std::string> client_properties;

    // From settings by their Kafka names; what is not the engine's goes to the clients. ConfigException names what is wrong. Handlers and serdes
    // are not named here but set as fields.
    static StreamsConfig from(const std::map<std::string, std::string>& properties);
};

}  // namespace millrace::streams
