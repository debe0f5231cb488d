// What the operations of a case are told: serdes, names, stores, windows.
#pragma once

#include <variant>

#include "expression.h"
#include "program.h"
#include "streams/streams_builder.h"

namespace millrace::difftest {

using Materialized = streams::Materialized<Value, Value>;
using Windows = std::variant<streams::dsl::AnyTimeWindows, streams::SessionWindows>;

enum class StoreUse : uint8_t { key_value, window, session };

streams::Named named_of(const Json& operation);
streams::Consumed<Value, Value> consumed_of(const Json& operation);
streams::Produced<Value, Value> produced_of(const Json& operation);
streams::Grouped<Value, Value> grouped_of(const Json& operation);
streams::Repartitioned<Value, Value> repartitioned_of(const Json& operation);
// Nothing for an operation without `store`.
std::optional<Materialized> materialized_of(const Json& operation, StoreUse use);
streams::Suppressed suppressed_of(const Json& operation);
streams::JoinWindows join_windows_of(const Json& window);
Windows windows_of(const Json& window);
streams::AutoOffsetReset reset_of(const std::string& text);
// `expression` outlives it.
streams::TimestampExtractor extractor_of(const Json& expression);
streams::StoreBuilder store_builder_of(const Json& store);
std::vector<streams::StoreBuilder> own_stores_of(const Json& operation);
// The case's settings, over those that all cases have. ConfigException.
streams::StreamsConfig config_of(const Json& the_case);

// Kafka's topic name extractor: of an expression over key, value, ts and topic.
inline auto topic_of(const Json& expression) {
    return
        [&expression](const Value* key, const Value* value, const streams::RecordContext& context) {
            return evaluate(expression, {{"key", Value::of(key)},
                                         {"value", Value::of(value)},
                                         {"ts", context.timestamp},
                                         {"topic", std::string(context.topic)}})
                .text();
        };
}

}  // namespace millrace::difftest
