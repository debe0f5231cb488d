#include "streams/ops/aggregate.h"

#include <algorithm>

#include "streams/ops/table_store.h"

namespace millrace::streams::ops {
namespace {

// A value for the record, given the one before (null: there is none); null deletes.
using Update = std::function<Box(const RawRecord& record, Box aggregate)>;

class AggregateNode final : public Node {
public:
    AggregateNode(std::string store, Initializer initializer, Update update, const Type& value,
                  bool send_old)
        : store_name_(std::move(store)),
          initializer_(std::move(initializer)),
          update_(std::move(update)),
          value_type_(value),
          send_old_(send_old) {}

    void init(NodeContext& node) override {
        Node::init(node);
        table_.init(node, store_name_, send_old_);
    }

    void process(const RawRecord& record) override {
        if (!record.key || !record.value) return context().dropped("its key or value is null");
        StoredValue stored = table_.store().get(record.key);
        const TimestampMs timestamp =
            stored ? std::max(record.timestamp, stored.timestamp) : record.timestamp;
        // What the first aggregate is made from counts as the one before it.
        if (!stored) stored.value = initializer_();
        const Box old = send_old_ ? Box::copy_of(value_type_, stored.value.get()) : Box();
        const Box updated = update_(record, std::move(stored.value));
        table_.put(record.at(timestamp), updated.get(), old.get());
    }

private:
    std::string store_name_;
    Initializer initializer_;
    Update update_;
    const Type& value_type_;
    bool send_old_;
    KeptTable table_;
};

}  // namespace

NodeSupplier aggregate(std::string store, Initializer initializer, Aggregator aggregator,
                       const Type& value, std::shared_ptr<const dsl::OldValues> old_values) {
    Update update = [aggregator = std::move(aggregator)](const RawRecord& record, Box aggregate) {
        return aggregator(record.key, record.value, std::move(aggregate));
    };
    return [=, &value, store = std::move(store), update = std::move(update)] {
        return std::make_unique<AggregateNode>(store, initializer, update, value,
                                               old_values->wanted);
    };
}

NodeSupplier reduce(std::string store, Reducer reducer, const Type& value,
                    std::shared_ptr<const dsl::OldValues> old_values) {
    Update update = [reducer = std::move(reducer), &value](const RawRecord& record, Box aggregate) {
        if (!aggregate) return Box::copy_of(value, record.value);
        return reducer(std::move(aggregate), record.value);
    };
    return [=, &value, store = std::move(store), update = std::move(update)] {
        const Initializer nothing = [] { return Box(); };
        return std::make_unique<AggregateNode>(store, nothing, update, value, old_values->wanted);
    };
}

}  // namespace millrace::streams::ops
