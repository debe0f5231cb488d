// The streams of the DSL without types: what kstream.h's KStream, KGroupedStream and the rest call.
//
// A handle names a node of the graph and knows how the records that leave it look. Handles are
// values; the graph must outlive them (they share it). Kafka: KStreamImpl.
#pragma once

#include <memory>
#include <set>

#include "streams/dsl/graph.h"
#include "streams/windows.h"

namespace millrace::streams::dsl {

class Table;
class GlobalTable;
class GroupedStream;

enum class JoinKind : uint8_t { inner, left, outer };

// What all handles are.
struct Handle {
    std::shared_ptr<Graph> graph;
    GraphNode* node = nullptr;
    std::string name;               // of the node that gives its records
    std::set<std::string> sources;  // that must be copartitioned with those of what it is joined to
    const Type* key_type = nullptr;
    const Type* value_type = nullptr;
    SerdePtr key;  // null: not known
    SerdePtr value;
};

// A node between streams: what is common to all operations on one record at a time.
struct Stateless {
    std::string name;
    NodeSupplier supplier;
    const Type* key_out = nullptr;  // null: as it comes in
    const Type* value_out = nullptr;
    bool changes_key = false;
    bool changes_value = false;
    std::vector<std::string> stores;
    std::vector<StoreSpecPtr> own_stores;
};

class Stream : public Handle {
public:
    // The key was changed since it last decided the partition.
    bool repartition_required = false;

    Stream filter(Predicate predicate, bool negate, const Name& name) const;
    Stream select_key(KeyMapper mapper, const Type& key_out, const Name& name) const;
    Stream map(KeyValueMapper mapper, const Type& key_out, const Type& value_out,
               const Name& name) const;
    Stream map_values(ValueMapper mapper, const Type& value_out, const Name& name) const;
    Stream flat_map(FlatKeyValueMapper mapper, const Type& key_out, const Type& value_out,
                    const Name& name) const;
    Stream flat_map_values(FlatValueMapper mapper, const Type& value_out, const Name& name) const;
    Stream peek(ForeachAction action, const Name& name) const;
    void foreach (ForeachAction action, const Name& name) const;
    Stream merge(const Stream& other, const Name& name) const;
    Stream process(NodeSupplier supplier, const Type& key_out, const Type& value_out,
                   const Name& name, std::vector<std::string> stores,
                   std::vector<StoreSpecPtr> own_stores) const;
    Stream process_values(NodeSupplier supplier, const Type& value_out, const Name& name,
                          std::vector<std::string> stores,
                          std::vector<StoreSpecPtr> own_stores) const;
    void to(std::string topic, const Produced& produced) const;
    void to(TopicNameExtractor extractor, const Produced& produced) const;
    Stream repartition(const Repartitioned& options) const;
    Table to_table(const Name& name, const std::optional<Materialized>& materialized) const;
    GroupedStream group_by_key(const Grouped& grouped) const;
    GroupedStream group_by(KeyMapper mapper, const Type& key_out, const Grouped& grouped) const;

    Stream join(const Stream& other, ValueJoiner joiner, JoinWindows windows, JoinKind kind,
                const Type& value_out, const StreamJoined& options) const;
    // Inner or left.
    Stream join(const Table& table, ValueJoiner joiner, JoinKind kind, const Type& value_out,
                const Joined& options) const;
    Stream join(const GlobalTable& table, KeyMapper mapper, ValueJoiner joiner, JoinKind kind,
                const Type& value_out, const Name& name) const;

    // The stream behind a repartition topic of that name; a second one of the same name as before
    // is the first.
    Stream repartitioned(const std::string& topic_prefix, const SerdePtr& key_override,
                         const SerdePtr& value_override) const;

    Stream apply(Stateless operation) const;

private:
    void sink(SinkSpec spec, const Produced& produced) const;
    // The last repartitioning for a join, by the name of this stream (not of the join).
    mutable std::shared_ptr<GraphNode*> join_repartition_ = std::make_shared<GraphNode*>(nullptr);
};

// split(): branch() takes the records of which the predicate holds and that no branch before took.
class Branches {
public:
    Branches(const Stream& stream, const Name& name);
    // Without a name it is numbered from 1.
    Stream branch(Predicate predicate, const Name& name);
    // Takes the rest; without it the rest is dropped. Numbered 0.
    Stream default_branch(const Name& name);
    const std::string& name() const { return name_; }
    // The branch's key in the map that defaultBranch() and noDefaultBranch() give.
    std::string key_of(const Name& name, size_t index) const;

private:
    Stream add(const std::string& child);
    Stream stream_;
    std::string name_;
    GraphNode* node_;
    std::shared_ptr<std::vector<std::pair<Predicate, std::string>>> predicates_;
    size_t count_ = 0;
};

Stream source_stream(const std::shared_ptr<Graph>& graph, std::vector<std::string> topics,
                     std::optional<std::string> pattern, const Consumed& consumed);

}  // namespace millrace::streams::dsl
