#include "streams/state/subscriptions.h"

#include "streams/state/states.h"

namespace millrace::streams {

void Subscriptions::init(StoreContext& context) {
    context_ = &context;
    bytes_ = context.open_bytes(spec());
}

// On disk the time stands before the value; in the changelog it is the record's.
void Subscriptions::restore(BytesView key, NullableView value, TimestampMs timestamp,
                            const Headers&) {
    if (!value) return bytes_->erase(key);
    Bytes stored;
    append_be<int64_t>(stored, timestamp);
    stored += *value;
    bytes_->put(key, stored);
}

void Subscriptions::put(BytesView key, BytesView value, TimestampMs timestamp) {
    restore(key, value, timestamp, {});
    log(key, value, timestamp);
}

void Subscriptions::erase(BytesView key) {
    bytes_->erase(key);
    const RecordContext* from = context_->record_context();
    log(key, std::nullopt, from ? std::optional(from->timestamp) : std::nullopt);
}

void Subscriptions::log(BytesView key, NullableView value, std::optional<TimestampMs> timestamp) {
    const RecordContext* from = context_->record_context();
    context_->log_change(spec(), key, value, timestamp,
                         from && from->headers ? *from->headers : Headers{});
}

std::vector<Subscriptions::Row> Subscriptions::rows(BytesView prefix) {
    std::vector<Row> found;
    const NullableBytes end = prefix.empty() ? std::nullopt : after_prefix(prefix);
    for (auto at = bytes_->range(prefix, end, false); at->valid(); at->next()) {
        const BytesView stored = at->value();
        if (stored.size() < 8) throw ProcessorStateException("a subscription's row is cut");
        found.push_back({Bytes(at->key()), Bytes(stored.substr(8)), read_be<int64_t>(stored)});
    }
    return found;
}

StoreSpec subscriptions_spec(std::string name) {
    StoreSpec spec;
    spec.name = std::move(name);
    spec.kind = StoreKind::internal;
    spec.key_type = &kTypeOf<Bytes>;
    spec.value_type = &kTypeOf<Bytes>;
    spec.make = [](const StoreSpec& self) { return std::make_unique<Subscriptions>(self); };
    return spec;
}

}  // namespace millrace::streams
