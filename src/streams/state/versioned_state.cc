#include <algorithm>

#include "streams/state/states.h"
#include "streams/state/value_format.h"
#include "streams/state/versioned_bytes.h"

namespace millrace::streams {
namespace {

// Unless given: short histories in few segments, long ones in many.
int64_t segment_interval(int64_t history) {
    constexpr int64_t kMinute = 60'000;
    if (history <= kMinute) return std::max<int64_t>(history / 3, 2'000);
    if (history <= 5 * kMinute) return std::max<int64_t>(history / 5, 20'000);
    if (history <= 60 * kMinute) return std::max<int64_t>(history / 12, kMinute);
    return std::max<int64_t>(history / 24, 5 * kMinute);
}

class Versions final : public StoreIterator<VersionedValue> {
public:
    Versions(std::vector<VersionBytes> versions, const ValueFormat& format)
        : versions_(std::move(versions)), format_(format) {}
    std::optional<VersionedValue> next() override {
        if (next_ == versions_.size()) return std::nullopt;
        const VersionBytes& version = versions_[next_++];
        return VersionedValue{format_.decode(view_of(version.value)).value, version.timestamp,
                              version.valid_to};
    }

private:
    std::vector<VersionBytes> versions_;
    ValueFormat format_;
    size_t next_ = 0;
};

class VersionedStateImpl final : public VersionedState {
public:
    using VersionedState::VersionedState;

    void init(StoreContext& context) override {
        context_ = &context;
        const SerdeDefaults& defaults = context.serde_defaults();
        const std::string who = fmt::format("the store {}", name());
        key_ = &defaults.key_serde(spec().key_serde, *spec().key_type, who);
        format_ =
            ValueFormat(defaults.value_serde(spec().value_serde, *spec().value_type, who), false);
        const int64_t interval = spec().segment_interval_ms > 0
                                     ? spec().segment_interval_ms
                                     : segment_interval(spec().retention_ms);
        bytes_.emplace(context.open_bytes(spec()), spec().retention_ms, interval);
    }

    void restore(BytesView key, NullableView value, TimestampMs timestamp,
                 const Headers&) override {
        bytes_->put(key, value, timestamp);
    }

    int64_t put(Ref key, Ref value, TimestampMs timestamp) override {
        require_key(key, spec());
        const Bytes raw_key = *serialize(*key_, key);
        const NullableBytes raw_value = format_.encode(value, -1);
        const int64_t result = bytes_->put(raw_key, view_of(raw_value), timestamp);
        if (result == kNotPut) context_->dropped("its version is older than the history");
        if (spec().logging)
            context_->log_change(spec(), raw_key, view_of(raw_value), timestamp, no_headers());
        return result;
    }

    VersionedValue get(Ref key) override {
        require_key(key, spec());
        return decoded(bytes_->newest(*serialize(*key_, key)));
    }

    VersionedValue get(Ref key, TimestampMs as_of) override {
        require_key(key, spec());
        return decoded(bytes_->get(*serialize(*key_, key), as_of));
    }

    StoreIteratorPtr<VersionedValue> history(Ref key, TimestampMs from, TimestampMs to,
                                             Order order) override {
        require_key(key, spec());
        std::vector<VersionBytes> found = bytes_->history(*serialize(*key_, key), from, to);
        if (order == Order::forward) std::ranges::reverse(found);
        return std::make_unique<Versions>(std::move(found), format_);
    }

private:
    VersionedValue decoded(const std::optional<VersionBytes>& version) const {
        if (!version || !version->value) return {};
        return {format_.decode(view_of(version->value)).value, version->timestamp,
                version->valid_to};
    }

    StoreContext* context_ = nullptr;
    const AnySerde* key_ = nullptr;
    ValueFormat format_;
    std::optional<VersionedBytes> bytes_;
};

}  // namespace

std::unique_ptr<StateStore> make_versioned_state(const StoreSpec& spec) {
    return std::make_unique<VersionedStateImpl>(spec);
}

}  // namespace millrace::streams
