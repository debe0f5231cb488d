// A topology as a plan: nodes, edges, stores and topics, from which every task is made.
//
// Built by Topology (processor.h's interface) and by StreamsBuilder; afterwards immutable and
// shared. Names are checked as they come: a name twice, an unknown parent or store, a topic read
// by two sources, types that do not fit at an edge: TopologyException. Kafka:
// InternalTopologyBuilder.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "streams/core/node.h"
#include "streams/state/store.h"

namespace millrace::streams {

// When a group has no committed offset. Kafka: AutoOffsetReset.
struct AutoOffsetReset {
    enum class Strategy : uint8_t { none, earliest, latest, by_duration };
    Strategy strategy = Strategy::earliest;
    int64_t duration_ms = 0;
    friend bool operator==(const AutoOffsetReset&, const AutoOffsetReset&) = default;
};

// A record as it was read from a topic, with its key and value already typed.
struct SourceRecord {
    const RecordContext& context;
    Ref key;
    Ref value;
};
// The record's time, or a negative number to pass the record over; `partition_time` is the largest
// time seen in the partition before, -1 at first. Kafka: TimestampExtractor.
using TimestampExtractor =
    std::function<TimestampMs(const SourceRecord& record, TimestampMs partition_time)>;
// Which topic a record goes to. Kafka: TopicNameExtractor.
using TopicNameExtractor =
    std::function<std::string(Ref key, Ref value, const RecordContext& context)>;
// Where to: absent is the default (by the key's bytes), an empty list drops the record, several
// copy it. Kafka: StreamPartitioner.
using StreamPartitioner = std::function<std::optional<std::vector<PartitionIndex>>(
    std::string_view topic, Ref key, Ref value, int32_t partitions)>;

struct SourceSpec {
    std::string name;
    std::vector<std::string> topics;     // or
    std::optional<std::string> pattern;  // RE2, matched against whole names
    const Type* key_type = nullptr;
    const Type* value_type = nullptr;
    SerdePtr key_serde;
    SerdePtr value_serde;
    TimestampExtractor timestamp;  // null: the application's default
    std::optional<AutoOffsetReset> offset_reset;
};
struct ProcessorSpec {
    std::string name;
    std::vector<std::string> parents;
    NodeSupplier supplier;
    // For checking edges; null takes or gives anything.
    const Type* key_in = nullptr;
    const Type* value_in = nullptr;
    const Type* key_out = nullptr;
    const Type* value_out = nullptr;
};
struct SinkSpec {
    std::string name;
    std::vector<std::string> parents;
    std::string topic;  // or
    TopicNameExtractor extractor;
    const Type* key_type = nullptr;
    const Type* value_type = nullptr;
    SerdePtr key_serde;
    SerdePtr value_serde;
    StreamPartitioner partitioner;  // null: by the key's bytes
};

enum class NodeKind : uint8_t { source, processor, sink };

struct PlanNode {
    NodeKind kind;
    std::string name;
    std::vector<size_t> parents;
    std::vector<size_t> children;
    std::vector<std::string> stores;  // as they were connected
    // One of them, by kind.
    SourceSpec source;
    ProcessorSpec processor;
    SinkSpec sink;
    bool global = false;
};

struct PlanStore {
    StoreSpecPtr spec;
    // Without the application id: the changelog, or the source topic that serves as one.
    std::string changelog;
    bool changelog_is_source = false;
    bool global = false;
    std::set<size_t> processors;  // that it is connected to
};

// A topic that the application makes for itself. Names are without the application id.
struct RepartitionTopic {
    std::string name;
    std::optional<int32_t> partitions;  // fixed by repartition()
};

struct Subtopology {
    int32_t id = 0;
    bool global = false;
    std::vector<size_t> nodes;        // in the order in which they were added
    std::vector<std::string> stores;  // sorted
};

class TopologyPlan {
public:
    void add_source(SourceSpec spec);
    void add_processor(ProcessorSpec spec, const std::vector<std::string>& stores = {});
    void add_sink(SinkSpec spec);
    // Adding one a second time is nothing; another of its name is refused. `processors` are
    // connected to it.
    void add_store(StoreSpecPtr spec, const std::vector<std::string>& processors = {});
    // A source that feeds the store on every instance, through `processor`.
    void add_global_store(StoreSpecPtr store, SourceSpec source, ProcessorSpec processor);
    void connect(const std::string& processor, const std::vector<std::string>& stores);
    void add_repartition_topic(RepartitionTopic topic);
    // The topics that these sources read must have equally many partitions.
    void copartition(std::vector<std::string> sources);
    // The store has no changelog of its own: its source topic is one.
    void use_as_changelog(const std::string& store, const std::string& topic);

    const std::vector<PlanNode>& nodes() const { return nodes_; }
    const PlanNode& node(std::string_view name) const;
    bool has_node(std::string_view name) const { return by_name_.contains(name); }
    const std::map<std::string, PlanStore, std::less<>>& stores() const { return stores_; }
    const std::map<std::string, RepartitionTopic, std::less<>>& repartition_topics() const {
        return repartition_topics_;
    }
    const std::vector<std::vector<std::string>>& copartitioned() const { return copartitioned_; }
    // Nodes joined by edges or shared stores. Numbered by their first sources, in the order in
    // which these were added.
    std::vector<Subtopology> subtopologies() const;
    // Word for word what Kafka's Topology.describe() prints.
    std::string describe() const;

private:
    size_t add_node(PlanNode node, const std::vector<std::string>& parents);
    void check_edge(const PlanNode& parent, const PlanNode& child) const;

    std::vector<PlanNode> nodes_;
    std::map<std::string, size_t, std::less<>> by_name_;
    std::map<std::string, PlanStore, std::less<>> stores_;
    std::map<std::string, RepartitionTopic, std::less<>> repartition_topics_;
    std::vector<std::vector<std::string>> copartitioned_;
    std::set<std::string, std::less<>> topics_read_;
};

}  // namespace millrace::streams
