#include "streams/ops/table_store.h"

#include "base/check.h"

namespace millrace::streams::ops {

void TableStore::init(NodeContext& context, const std::string& name) {
    StateStore& store = context.store(name);
    if (store.spec().kind == StoreKind::versioned)
        versioned_ = &static_cast<VersionedState&>(store);
    else
        plain_ = &static_cast<KeyValueState&>(store);
}

StoredValue TableStore::get(Ref key) const {
    if (!versioned_) return plain_->get(key);
    VersionedValue found = versioned_->get(key);
    return {std::move(found.value), found.timestamp};
}

StoredValue TableStore::get(Ref key, TimestampMs as_of) const {
    INVARIANT(versioned_);
    VersionedValue found = versioned_->get(key, as_of);
    return {std::move(found.value), found.timestamp};
}

TableStore::Put TableStore::put(Ref key, Ref value, TimestampMs timestamp) const {
    if (!versioned_) {
        plain_->put(key, value, timestamp);
        return Put::latest;
    }
    const int64_t valid_to = versioned_->put(key, value, timestamp);
    if (valid_to == VersionedState::kNotPut) return Put::refused;
    return valid_to == VersionedState::kLatest ? Put::latest : Put::historical;
}

void KeptTable::init(NodeContext& context, const std::string& store, bool send_old) {
    store_.init(context, store);
    forwarder_.init(context, store_.state(), send_old);
}

void KeptTable::put(const RawRecord& record, Ref value, Ref old_value) const {
    const TableStore::Put result = store_.put(record.key, value, record.timestamp);
    if (result == TableStore::Put::refused) return;
    forwarder_.forward(record, {value, old_value, result == TableStore::Put::latest});
}

}  // namespace millrace::streams::ops
