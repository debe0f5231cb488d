#include "protocol/coordinator_record.h"

namespace millrace::protocol {

namespace {

// The variants list keys and values of the same types in the same order.
template <typename Key, typename Value, size_t I = 0>
Result<std::optional<CoordinatorRecord<Key, Value>>> decode_as(int16_t type, ByteView key,
                                                               std::optional<ByteView> value) {
    static_assert(std::variant_size_v<Key> == std::variant_size_v<Value>);
    if constexpr (I == std::variant_size_v<Key>) {
        return std::nullopt;
    } else {
        using K = std::variant_alternative_t<I, Key>;
        using V = std::variant_alternative_t<I, Value>;
        static_assert(K::kRecordKey == V::kRecordKey);
        if (type != K::kRecordKey) return decode_as<Key, Value, I + 1>(type, key, value);
        TRY(K k, decode<K>(key.subspan(2), 0));
        CoordinatorRecord<Key, Value> record{std::move(k), std::nullopt};
        if (value) {
            TRY(V v, decode_coordinator_value<V>(*value));
            record.value = std::move(v);
        }
        return record;
    }
}

template <typename Key, typename Value>
Result<std::optional<CoordinatorRecord<Key, Value>>> decode_record(ByteView key,
                                                                   std::optional<ByteView> value) {
    TRY(const int16_t type, coordinator_record_type(key));
    return decode_as<Key, Value>(type, key, value);
}

}  // namespace

Result<int16_t> coordinator_record_type(ByteView key) {
    if (key.size() < 2)
        return fail(ErrorCode::malformed, "a coordinator record of fewer than 2 bytes");
    return load_be<int16_t>(key.data());
}

Result<std::optional<GroupRecord>> decode_group_record(ByteView key,
                                                       std::optional<ByteView> value) {
    return decode_record<GroupKey, GroupValue>(key, value);
}

Result<std::optional<TransactionRecord>> decode_transaction_record(ByteView key,
                                                                   std::optional<ByteView> value) {
    return decode_record<TransactionKey, TransactionValue>(key, value);
}

Result<std::optional<ShareRecord>> decode_share_record(ByteView key,
                                                       std::optional<ByteView> value) {
    return decode_record<ShareKey, ShareValue>(key, value);
}

}  // namespace millrace::protocol
