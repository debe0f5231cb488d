// What the operations of the DSL can be told, without types: Consumed, Produced, Grouped and their
// kin as the engine takes them. options.h at the top has the typed ones.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "streams/core/topology_plan.h"
#include "streams/state/store.h"

namespace millrace::streams::dsl {

using Name = std::optional<std::string>;  // of an operation's node; absent: generated

struct Consumed {
    Name name;
    const Type* key_type = nullptr;
    const Type* value_type = nullptr;
    SerdePtr key;
    SerdePtr value;
    TimestampExtractor timestamp;
    std::optional<AutoOffsetReset> offset_reset;
};

struct Produced {
    Name name;
    SerdePtr key;
    SerdePtr value;
    StreamPartitioner partitioner;
};

struct Grouped {
    Name name;  // of the repartition topic
    SerdePtr key;
    SerdePtr value;
};

struct Repartitioned {
    Name name;
    SerdePtr key;
    SerdePtr value;
    std::optional<int32_t> partitions;
    StreamPartitioner partitioner;
};

struct Joined {
    Name name;
    SerdePtr key;
    SerdePtr left;
    SerdePtr right;
    std::optional<int64_t> grace_ms;
};

struct StreamJoined {
    Name name;
    Name store_name;
    SerdePtr key;
    SerdePtr left;
    SerdePtr right;
    std::optional<bool> in_memory;
    bool logging = true;
    std::map<std::string, std::string> topic_config;
};

// How an operation's state is kept. An operation that was given none keeps state only if it must.
struct Materialized {
    Name store_name;
    std::optional<StoreSpec> supplier;  // names the store, too
    SerdePtr key;
    SerdePtr value;
    bool caching = true;
    bool logging = true;
    std::map<std::string, std::string> topic_config;
    std::optional<int64_t> retention_ms;
    std::optional<bool> in_memory;
};

struct BufferConfig {
    int64_t records_max = std::numeric_limits<int64_t>::max();
    int64_t bytes_max = std::numeric_limits<int64_t>::max();
    bool shut_down_when_full = false;  // else the oldest are emitted early
    bool logging = true;
    std::map<std::string, std::string> topic_config;
};
struct Suppressed {
    Name name;
    // Absent: until the window closes.
    std::optional<int64_t> time_limit_ms;
    BufferConfig buffer;
};

}  // namespace millrace::streams::dsl
