#include <limits>

#include "streams/state/states.h"
#include "streams/state/timed_bytes.h"
#include "streams/state/value_format.h"

namespace millrace::streams {
namespace {

constexpr int32_t kSequenceMax = std::numeric_limits<int32_t>::max();
constexpr TimestampMs kTimeMax = std::numeric_limits<TimestampMs>::max();

// Values as they are read.
struct WindowValues {
    ValueFormat format;
    bool timed_by_start = false;

    StoredValue decode(NullableView bytes, TimestampMs start) const {
        StoredValue value = format.decode(bytes);
        if (timed_by_start && value) value.timestamp = start;
        return value;
    }
};

class Windows final : public StoreIterator<WindowEntry> {
public:
    Windows(TimedIteratorPtr raw, const WindowValues& values)
        : raw_(std::move(raw)), values_(values) {}
    std::optional<WindowEntry> next() override {
        if (!raw_->valid()) return std::nullopt;
        const TimestampMs start = raw_->key().time;
        WindowEntry entry{start, values_.decode(raw_->value(), start)};
        raw_->next();
        return entry;
    }

private:
    TimedIteratorPtr raw_;
    WindowValues values_;
};

class WindowsOfKeys final : public StoreIterator<WindowedEntry> {
public:
    WindowsOfKeys(TimedIteratorPtr raw, const AnySerde& key, const WindowValues& values,
                  int64_t size)
        : raw_(std::move(raw)), key_(key), values_(values), size_(size) {}
    std::optional<WindowedEntry> next() override {
        if (!raw_->valid()) return std::nullopt;
        const TimedKey key = raw_->key();
        WindowedEntry entry{deserialize(key_, key.key), time_window(key.time, size_),
                            values_.decode(raw_->value(), key.time)};
        raw_->next();
        return entry;
    }

private:
    TimedIteratorPtr raw_;
    const AnySerde& key_;
    WindowValues values_;
    int64_t size_;
};

class WindowStateImpl final : public WindowState, private TimedBytes::Owner {
public:
    using WindowState::WindowState;

    void init(StoreContext& context) override {
        context_ = &context;
        const SerdeDefaults& defaults = context.serde_defaults();
        const std::string who = fmt::format("the store {}", name());
        key_ = &defaults.key_serde(spec().key_serde, *spec().key_type, who);
        format_ = ValueFormat(defaults.value_serde(spec().value_serde, *spec().value_type, who),
                              spec().kind == StoreKind::timestamped_window);
        std::unique_ptr<OrderedBytes> below = context.open_bytes(spec());
        if (spec().drops_timestamps) below = drop_timestamps(std::move(below));
        bytes_.open(context, spec(), TimedRest::sequence, std::move(below), *this);
    }

    void restore(BytesView key, NullableView value, TimestampMs timestamp,
                 const Headers&) override {
        const TimedKey timed = require_timed(bytes_.layout().decode_changelog(key), spec());
        sequence_ = std::max(sequence_, static_cast<int32_t>(timed.rest));
        bytes_.restore(timed, view_of(format_.encode_restored(value, timestamp)));
    }

    void put(Ref key, Ref value, TimestampMs start, TimestampMs timestamp) override {
        require_key(key, spec());
        const Bytes raw_key = *serialize(*key_, key);
        if (!spec().retain_duplicates) {
            bytes_.put({raw_key, start, 0}, view_of(format_.encode(value, timestamp)));
            return;
        }
        sequence_ = sequence_ == kSequenceMax ? 0 : sequence_ + 1;
        if (value) {
            newest_ = sequence_;
            bytes_.put({raw_key, start, sequence_}, view_of(format_.encode(value, timestamp)));
        } else {
            log({raw_key, start, sequence_}, std::nullopt);  // deletes nothing, as in Kafka
            if (!spec().persistent) bytes_.observe(start);
        }
    }

    StoredValue fetch(Ref key, TimestampMs start) override {
        require_key(key, spec());
        return values().decode(view_of(bytes_.get({*serialize(*key_, key), start, newest_})),
                               start);
    }

    StoreIteratorPtr<WindowEntry> fetch(Ref key, TimestampMs from, TimestampMs to,
                                        Order order) override {
        require_key(key, spec());
        return std::make_unique<Windows>(bytes_.fetch(*serialize(*key_, key), from, to, order),
                                         values());
    }

    StoreIteratorPtr<WindowedEntry> fetch_keys(Ref key_from, Ref key_to, TimestampMs from,
                                               TimestampMs to, Order order) override {
        return std::make_unique<WindowsOfKeys>(
            bytes_.fetch_keys(view_of(serialize(*key_, key_from)),
                              view_of(serialize(*key_, key_to)), from, to, order),
            *key_, values(), spec().window_size_ms);
    }

    StoreIteratorPtr<WindowedEntry> all(Order order) override {
        return fetch_keys(nullptr, nullptr, 0, kTimeMax, order);
    }

private:
    void log(const TimedKey& key, NullableView value) override {
        if (!spec().logging) return;
        context_->log_change(spec(), bytes_.layout().changelog(key), format_.user_value(value),
                             format_.log_timestamp(value, context_->record_context()), headers());
    }

    const Headers& headers() const {
        const RecordContext* from = context_->record_context();
        return spec().log_headers && from && from->headers ? *from->headers : no_headers();
    }

    WindowValues values() const { return {format_, spec().log_headers && !spec().persistent}; }

    StoreContext* context_ = nullptr;
    const AnySerde* key_ = nullptr;
    ValueFormat format_;
    TimedBytes bytes_;
    // With duplicates: of the last put, and of the last that put something.
    int32_t sequence_ = 0;
    int32_t newest_ = 0;
};

}  // namespace

std::unique_ptr<StateStore> make_window_state(const StoreSpec& spec) {
    return std::make_unique<WindowStateImpl>(spec);
}

}  // namespace millrace::streams
