#include <limits>

#include "streams/state/states.h"
#include "streams/state/timed_bytes.h"
#include "streams/state/value_format.h"

namespace millrace::streams {
namespace {

constexpr TimestampMs kTimeMax = std::numeric_limits<TimestampMs>::max();

class Sessions final : public StoreIterator<WindowedEntry> {
public:
    Sessions(TimedIteratorPtr raw, TimestampMs latest_start, const AnySerde& key,
             const ValueFormat& format)
        : raw_(std::move(raw)), latest_start_(latest_start), key_(key), format_(format) {}
    std::optional<WindowedEntry> next() override {
        while (raw_->valid() && raw_->key().rest > latest_start_) raw_->next();
        if (!raw_->valid()) return std::nullopt;
        const TimedKey key = raw_->key();
        WindowedEntry entry{
            deserialize(key_, key.key), {key.rest, key.time}, format_.decode(raw_->value())};
        raw_->next();
        return entry;
    }

private:
    TimedIteratorPtr raw_;
    TimestampMs latest_start_;
    const AnySerde& key_;
    ValueFormat format_;
};

class SessionStateImpl final : public SessionState, private TimedBytes::Owner {
public:
    using SessionState::SessionState;

    void init(StoreContext& context) override {
        context_ = &context;
        const SerdeDefaults& defaults = context.serde_defaults();
        const std::string who = fmt::format("the store {}", name());
        key_ = &defaults.key_serde(spec().key_serde, *spec().key_type, who);
        format_ =
            ValueFormat(defaults.value_serde(spec().value_serde, *spec().value_type, who), false);
        bytes_.open(context, spec(), TimedRest::session_start, context.open_bytes(spec()), *this);
    }

    void restore(BytesView key, NullableView value, TimestampMs, const Headers&) override {
        bytes_.restore(require_timed(bytes_.layout().decode_changelog(key), spec()), value);
    }

    void put(Ref key, Window session, Ref value) override {
        require_key(key, spec());
        bytes_.put({*serialize(*key_, key), session.end, session.start},
                   view_of(format_.encode(value, -1)));
    }

    Box fetch_session(Ref key, TimestampMs start, TimestampMs end) override {
        require_key(key, spec());
        return format_.decode(view_of(bytes_.get({*serialize(*key_, key), end, start}))).value;
    }

    StoreIteratorPtr<WindowedEntry> find(Ref key_from, Ref key_to, TimestampMs earliest_end,
                                         TimestampMs latest_start, Order order) override {
        const NullableBytes from = serialize(*key_, key_from);
        const NullableBytes to = serialize(*key_, key_to);
        TimedIteratorPtr raw =
            from && from == to
                ? bytes_.fetch(*from, earliest_end, kTimeMax, order)
                : bytes_.fetch_keys(view_of(from), view_of(to), earliest_end, kTimeMax, order);
        return std::make_unique<Sessions>(std::move(raw), latest_start, *key_, format_);
    }

    StoreIteratorPtr<WindowedEntry> find_by_end(TimestampMs from, TimestampMs to) override {
        return std::make_unique<Sessions>(
            bytes_.fetch_keys(std::nullopt, std::nullopt, from, to, Order::forward), kTimeMax,
            *key_, format_);
    }

    void flush() override { bytes_.flush(); }
    bool cached() const override { return bytes_.cached(); }

private:
    void log(const TimedKey& key, NullableView value) override {
        if (!spec().logging) return;
        context_->log_change(spec(), bytes_.layout().changelog(key), value,
                             format_.log_timestamp(value, context_->record_context()),
                             no_headers());
    }

    bool listened_to() const override { return forwards_on_flush(); }
    bool wants_old_values() const override { return send_old_values(); }
    void forward(const TimedKey& key, NullableView value, NullableView old) override {
        const Box plain = deserialize(*key_, key.key);
        const Box windowed = spec().windowed->make(plain.get(), {key.rest, key.time});
        const Box now = format_.decode(value).value;
        const Box before = format_.decode(old).value;
        listener()(windowed.get(), {now.get(), before.get()}, key.time);
    }

    StoreContext* context_ = nullptr;
    const AnySerde* key_ = nullptr;
    ValueFormat format_;
    TimedBytes bytes_;
};

}  // namespace

std::unique_ptr<StateStore> make_session_state(const StoreSpec& spec) {
    return std::make_unique<SessionStateImpl>(spec);
}

}  // namespace millrace::streams
