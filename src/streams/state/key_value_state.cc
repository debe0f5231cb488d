#include "streams/state/lru_bytes.h"
#include "streams/state/ordered_bytes.h"
#include "streams/state/states.h"
#include "streams/state/store_bytes.h"
#include "streams/state/value_format.h"

namespace millrace::streams {
namespace {

class Entries final : public StoreIterator<KeyValueEntry> {
public:
    Entries(std::unique_ptr<BytesIterator> raw, const AnySerde& key, const ValueFormat& format)
        : raw_(std::move(raw)), key_(key), format_(format) {}
    std::optional<KeyValueEntry> next() override {
        if (!raw_->valid()) return std::nullopt;
        KeyValueEntry entry{deserialize(key_, raw_->key()), format_.decode(raw_->value())};
        raw_->next();
        return entry;
    }

private:
    std::unique_ptr<BytesIterator> raw_;
    const AnySerde& key_;
    ValueFormat format_;
};

class NoEntries final : public StoreIterator<KeyValueEntry> {
public:
    std::optional<KeyValueEntry> next() override { return std::nullopt; }
};

class KeyValueStateImpl final : public KeyValueState, private StoreBytes::Owner {
public:
    using KeyValueState::KeyValueState;

    void init(StoreContext& context) override {
        context_ = &context;
        const SerdeDefaults& defaults = context.serde_defaults();
        const std::string who = fmt::format("the store {}", name());
        key_ = &defaults.key_serde(spec().key_serde, *spec().key_type, who);
        format_ = ValueFormat(defaults.value_serde(spec().value_serde, *spec().value_type, who),
                              spec().kind == StoreKind::timestamped_key_value);
        std::unique_ptr<OrderedBytes> below = context.open_bytes(spec());
        if (spec().drops_timestamps) below = drop_timestamps(std::move(below));
        if (spec().entries_max > 0)
            below = std::make_unique<LruBytes>(std::move(below), spec().entries_max,
                                               [this](BytesView key) {
                                                   if (!restoring_) log(key, std::nullopt);
                                               });
        bytes_.open(std::move(below), *this);
    }

    void restore(BytesView key, NullableView value, TimestampMs timestamp,
                 const Headers&) override {
        restoring_ = true;
        bytes_.restore(key, view_of(format_.encode_restored(value, timestamp)));
        restoring_ = false;
    }

    StoredValue get(Ref key) override {
        require_key(key, spec());
        return format_.decode(view_of(bytes_.get(*serialize(*key_, key))));
    }

    void put(Ref key, Ref value, TimestampMs timestamp) override {
        require_key(key, spec());
        bytes_.put(*serialize(*key_, key), view_of(format_.encode(value, timestamp)));
    }

    StoreIteratorPtr<KeyValueEntry> range(Ref from, Ref to, Order order) override {
        const NullableBytes first = serialize(*key_, from);
        NullableBytes end = serialize(*key_, to);
        if (end) end->push_back('\0');  // the next one: `to` is included
        return entries(first.value_or(Bytes()), view_of(end), order);
    }

    StoreIteratorPtr<KeyValueEntry> prefix(BytesView prefix) override {
        return entries(prefix, view_of(after_prefix(prefix)), Order::forward);
    }

    int64_t approximate_entries() override { return bytes_.below().approximate_entries(); }

private:
    StoreIteratorPtr<KeyValueEntry> entries(BytesView from, NullableView to, Order order) {
        if (to && *to <= from) return std::make_unique<NoEntries>();
        return std::make_unique<Entries>(bytes_.range(from, to, order == Order::backward), *key_,
                                         format_);
    }

    void log(BytesView key, NullableView value) override {
        if (!spec().logging) return;
        context_->log_change(spec(), key, format_.user_value(value),
                             format_.log_timestamp(value, context_->record_context()),
                             no_headers());
    }

    StoreContext* context_ = nullptr;
    const AnySerde* key_ = nullptr;
    ValueFormat format_;
    StoreBytes bytes_;
    bool restoring_ = false;
};

}  // namespace

std::unique_ptr<StateStore> make_key_value_state(const StoreSpec& spec) {
    return std::make_unique<KeyValueStateImpl>(spec);
}

}  // namespace millrace::streams
