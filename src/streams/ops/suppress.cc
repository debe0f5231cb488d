#include "streams/ops/suppress.h"

#include <algorithm>

#include "streams/errors.h"
#include "streams/ops/suppress_buffer.h"

namespace millrace::streams::ops {
namespace {

struct Serdes {
    const AnySerde* key = nullptr;
    const AnySerde* value = nullptr;

    void init(NodeContext& context, const Suppression& s) {
        key = &context.serde_defaults().key_serde(s.key, *s.key_type, s.node);
        value = &context.serde_defaults().value_serde(s.value, *s.value_type, s.node);
    }
};

class SuppressNode final : public Node {
public:
    explicit SuppressNode(const Suppression& suppression) : suppression_(suppression) {}

    void init(NodeContext& node) override {
        Node::init(node);
        buffer_ = &static_cast<SuppressBuffer&>(node.store(suppression_.store));
        serdes_.init(node, suppression_);
    }

    void process(const RawRecord& record) override {
        stream_time_ = std::max(stream_time_, record.timestamp);
        put(record);
        const TimestampMs due = stream_time_ - suppression_.duration_ms;
        while (!buffer_->empty() && buffer_->first_time() <= due) emit_first();
        if (is_full() && suppression_.buffer.shut_down_when_full)
            throw StreamsException(fmt::format(
                "the buffer of {} is full: it holds {} of at most {} records, and {} of at most {} "
                "bytes",
                suppression_.node, buffer_->records(), suppression_.buffer.records_max,
                buffer_->bytes(), suppression_.buffer.bytes_max));
        while (is_full()) emit_first();
    }

private:
    void put(const RawRecord& record) {
        const auto& change = *static_cast<const Change*>(record.value);
        RecordContext from;
        if (const RecordContext* now = context().record_context()) from = *now;
        from.timestamp = record.timestamp;
        from.headers = record.headers;
        const TimestampMs time = suppression_.windowed
                                     ? suppression_.windowed->window_of(record.key).end
                                     : record.timestamp;
        Bytes key;
        serdes_.key->serialize(record.key, key);
        buffer_->put(time, key, serialize(*serdes_.value, change.old_value),
                     serialize(*serdes_.value, change.new_value), from);
    }

    bool is_full() const {
        return buffer_->records() > suppression_.buffer.records_max ||
               buffer_->bytes() > suppression_.buffer.bytes_max;
    }

    void emit_first() {
        buffer_->evict_first([this](const Bytes& bytes, SuppressBuffer::Entry& entry) {
            if (suppression_.windowed && !entry.new_value) return;
            const Box key = deserialize(*serdes_.key, BytesView(bytes));
            const Box value = deserialize(*serdes_.value, view_of(entry.new_value));
            const Box old = deserialize(*serdes_.value, view_of(entry.old_value));
            const Change change{.new_value = value.get(), .old_value = old.get()};
            forward({key.get(), &change, entry.timestamp, &entry.headers});
        });
    }

    Suppression suppression_;
    Serdes serdes_;
    SuppressBuffer* buffer_ = nullptr;
    TimestampMs stream_time_ = -1;
};

// Of a change that waits, nothing is to be seen yet.
class SuppressGetter final : public dsl::TableGetter {
public:
    SuppressGetter(const Suppression& suppression, std::unique_ptr<dsl::TableGetter> above)
        : suppression_(suppression), above_(std::move(above)) {}
    void init(NodeContext& context) override {
        buffer_ = &static_cast<SuppressBuffer&>(context.store(suppression_.store));
        serdes_.init(context, suppression_);
        above_->init(context);
    }
    StoredValue get(Ref key) override {
        Bytes bytes;
        serdes_.key->serialize(key, bytes);
        const SuppressBuffer::Entry* waiting = buffer_->find(bytes);
        if (!waiting) return above_->get(key);
        return {deserialize(*serdes_.value, view_of(waiting->prior)), -1};
    }

private:
    Suppression suppression_;
    std::unique_ptr<dsl::TableGetter> above_;
    Serdes serdes_;
    SuppressBuffer* buffer_ = nullptr;
};

class SuppressView final : public dsl::TableView {
public:
    SuppressView(const Suppression& suppression, std::shared_ptr<const dsl::TableView> above)
        : suppression_(suppression), above_(std::move(above)) {}
    std::unique_ptr<dsl::TableGetter> make() const override {
        return std::make_unique<SuppressGetter>(suppression_, above_->make());
    }
    std::vector<std::string> stores() const override {
        std::vector<std::string> all = above_->stores();
        all.push_back(suppression_.store);
        return all;
    }

private:
    Suppression suppression_;
    std::shared_ptr<const dsl::TableView> above_;
};

}  // namespace

StoreSpec suppress_store(const Suppression& s) {
    return {.name = s.store,
            .kind = StoreKind::internal,
            .persistent = false,
            .key_type = s.key_type,
            .value_type = s.value_type,
            .key_serde = s.key,
            .value_serde = s.value,
            .logging = s.buffer.logging,
            .topic_config = s.buffer.topic_config,
            .make = [](const StoreSpec& spec) -> std::unique_ptr<StateStore> {
                return std::make_unique<SuppressBuffer>(spec);
            }};
}

NodeSupplier suppress(const Suppression& suppression) {
    return [suppression] { return std::make_unique<SuppressNode>(suppression); };
}

std::shared_ptr<const dsl::TableView> suppress_view(const Suppression& suppression,
                                                    std::shared_ptr<const dsl::TableView> above) {
    return std::make_shared<SuppressView>(suppression, std::move(above));
}

}  // namespace millrace::streams::ops
