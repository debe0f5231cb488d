#include "streams/ops/stream_table_join.h"

#include <algorithm>

#include "streams/state/join_buffer.h"

namespace millrace::streams::ops {
namespace {

class StreamTableJoinNode final : public Node {
public:
    StreamTableJoinNode(const StreamTableJoin& spec, std::optional<JoinGrace> grace)
        : spec_(spec), grace_(std::move(grace)), getter_(spec.table->make()) {}

    void init(NodeContext& node) override {
        Node::init(node);
        getter_->init(node);
        if (grace_) buffer_ = &static_cast<JoinBuffer&>(node.store(grace_->buffer));
    }

    void process(const RawRecord& record) override {
        if (!record.value) return context().dropped("its value is null");
        const Box mapped = spec_.key ? spec_.key(record.key, record.value) : Box();
        const Ref key = spec_.key ? mapped.get() : record.key;
        if (!key && !spec_.left) return context().dropped("its key in the table is null");
        if (!buffer_) return join(record, key);
        stream_time_ = std::max(stream_time_, record.timestamp);
        if (!record.key)
            throw NullPointerException("a record without a key cannot wait for a table");
        if (stream_time_ - grace_->grace_ms > record.timestamp)
            join(record, key);
        else
            buffer_->put(record);
        buffer_->take(stream_time_ - grace_->grace_ms,
                      [this](const RawRecord& waited) { join(waited, waited.key); });
    }

private:
    void join(const RawRecord& record, Ref key) {
        StoredValue found;
        if (key)
            found = getter_->versioned() ? getter_->get(key, record.timestamp) : getter_->get(key);
        if (!found && !spec_.left) return;
        const Box joined = spec_.joiner(record.key, record.value, found.value.get());
        forward(record.with_value(joined.get()));
    }

    StreamTableJoin spec_;
    std::optional<JoinGrace> grace_;
    std::unique_ptr<dsl::TableGetter> getter_;
    JoinBuffer* buffer_ = nullptr;
    TimestampMs stream_time_ = -1;
};

}  // namespace

NodeSupplier stream_table_join(StreamTableJoin spec) {
    return [spec = std::move(spec)] {
        return std::make_unique<StreamTableJoinNode>(spec, std::nullopt);
    };
}

NodeSupplier stream_table_join(StreamTableJoin spec, JoinGrace grace) {
    return [spec = std::move(spec), grace = std::move(grace)] {
        return std::make_unique<StreamTableJoinNode>(spec, grace);
    };
}

}  // namespace millrace::streams::ops
