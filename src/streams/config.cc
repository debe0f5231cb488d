#include "streams/config.h"

#include <charconv>

#include "base/log.h"

namespace millrace::streams {
namespace {

void log_failure(const ErrorHandlerContext& context, const std::exception& e,
                 std::string_view what) {
    LOG_WARN("streams", "{}: task {} at {}, {}-{} offset {}: {}", what, context.task.to_string(),
             context.node, context.record.topic, context.record.partition, context.record.offset,
             e.what());
}

[[noreturn]] void refuse(std::string_view name, std::string_view value, std::string_view why) {
    throw ConfigException(
        fmt::format("Invalid value {} for configuration {}: {}", value, name, why));
}

int64_t number(const std::string& name, const std::string& value, int64_t min) {
    int64_t result = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), result);
    if (error != std::errc() || end != value.data() + value.size())
        refuse(name, value, "not a number");
    if (result < min) refuse(name, value, fmt::format("Value must be at least {}", min));
    return result;
}

void set_optimization(StreamsConfig& config, const std::string& name, const std::string& value) {
    size_t from = 0;
    while (from <= value.size()) {
        const size_t comma = std::min(value.find(',', from), value.size());
        const std::string one = value.substr(from, comma - from);
        const bool all = one == "all";
        if (all || one == "reuse.ktable.source.topics") config.reuse_source_topics = true;
        if (all || one == "merge.repartition.topics") config.merge_repartition_topics = true;
        if (all || one == "single.store.self.join") config.single_store_self_join = true;
        if (!all && one != "none" && one != "reuse.ktable.source.topics" &&
            one != "merge.repartition.topics" && one != "single.store.self.join")
            refuse(name, value,
                   "none, all, or a list of reuse.ktable.source.topics, merge.repartition.topics, "
                   "single.store.self.join");
        from = comma + 1;
    }
}

using Setter = void (*)(StreamsConfig&, const std::string& name, const std::string& value);

template <auto kField, int64_t kMin>
void set_number(StreamsConfig& config, const std::string& name, const std::string& value) {
    using Field = std::remove_cvref_t<decltype(config.*kField)>;
    config.*kField = static_cast<Field>(number(name, value, kMin));
}
template <auto kField>
void set_text(StreamsConfig& config, const std::string&, const std::string& value) {
    config.*kField = value;
}
template <auto kField>
void set_bool(StreamsConfig& config, const std::string& name, const std::string& value) {
    if (value != "true" && value != "false") refuse(name, value, "true or false");
    config.*kField = value == "true";
}
void set_guarantee(StreamsConfig& config, const std::string& name, const std::string& value) {
    if (value != "at_least_once" && value != "exactly_once_v2")
        refuse(name, value, "at_least_once or exactly_once_v2");
    config.exactly_once = value == "exactly_once_v2";
}
void set_suppliers(StreamsConfig& config, const std::string& name, const std::string& value) {
    const bool memory = value.ends_with("InMemoryDslStoreSuppliers") || value == "inMemory";
    const bool disk = value.ends_with("RocksDBDslStoreSuppliers") || value == "rocksDB";
    if (!memory && !disk) refuse(name, value, "inMemory or rocksDB, or Kafka's class of the name");
    config.dsl_stores_in_memory = memory;
}

const std::map<std::string_view, Setter>& setters() {
    using C = StreamsConfig;
    static const std::map<std::string_view, Setter> table{
        {"application.id", &set_text<&C::application_id>},
        {"bootstrap.servers", &set_text<&C::bootstrap_servers>},
        {"client.id", &set_text<&C::client_id>},
        {"state.dir", &set_text<&C::state_dir>},
        {"num.stream.threads", &set_number<&C::num_stream_threads, 1>},
        {"num.standby.replicas", &set_number<&C::num_standby_replicas, 0>},
        {"replication.factor", &set_number<&C::replication_factor, -1>},
        {"processing.guarantee", &set_guarantee},
        {"commit.interval.ms", &set_number<&C::commit_interval_ms, 0>},
        {"max.task.idle.ms", &set_number<&C::max_task_idle_ms, -1>},
        {"buffered.records.per.partition", &set_number<&C::buffered_records_per_partition, 1>},
        {"task.timeout.ms", &set_number<&C::task_timeout_ms, 0>},
        {"statestore.cache.max.bytes", &set_number<&C::statestore_cache_max_bytes, 0>},
        {"cache.max.bytes.buffering", &set_number<&C::statestore_cache_max_bytes, 0>},
        {"state.cleanup.delay.ms", &set_number<&C::state_cleanup_delay_ms, 0>},
        {"repartition.purge.interval.ms", &set_number<&C::repartition_purge_interval_ms, 0>},
        {"windowstore.changelog.additional.retention.ms",
         &set_number<&C::changelog_additional_retention_ms, 0>},
        {"ensure.explicit.internal.resource.naming", &set_bool<&C::explicit_naming>},
        {"topology.optimization", &set_optimization},
        {"dsl.store.suppliers.class", &set_suppliers},
        {"default.dsl.store", &set_suppliers},
        {"errors.dead.letter.queue.topic.name", &set_text<&C::dead_letter_queue_topic>},
        {"processing.exception.handler.global.enabled",
         &set_bool<&C::processing_exception_handler_global>},
    };
    return table;
}

}  // namespace

ErrorHandler log_and_fail() {
    return [](const ErrorHandlerContext& context, const std::exception& e) {
        log_failure(context, e, "a record ends the work");
        return ErrorDecision::fail;
    };
}

ErrorHandler log_and_continue() {
    return [](const ErrorHandlerContext& context, const std::exception& e) {
        log_failure(context, e, "a record is passed over");
        return ErrorDecision::resume;
    };
}

StreamsConfig StreamsConfig::from(const std::map<std::string, std::string>& properties) {
    StreamsConfig config;
    for (const auto& [name, value] : properties) {
        const auto setter = setters().find(name);
        if (setter == setters().end()) {
            config.client_properties.emplace(name, value);
            continue;
        }
        setter->second(config, name, value);
    }
    if (config.exactly_once && !properties.contains("commit.interval.ms"))
        config.commit_interval_ms = 100;
    return config;
}

}  // namespace millrace::streams
