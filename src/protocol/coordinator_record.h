// Records of the coordinators' logs (__consumer_offsets, __transaction_state, __share_group_state):
// the record key is an int16 record type and the key struct, the record value an int16 version and
// the value struct; no value is a tombstone.
// Kafka: CoordinatorRecordSerde.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "base/result.h"
#include "protocol/codec.h"
#include "protocol/group_records.h"        // GroupKey, GroupValue: the variants of all of them
#include "protocol/share_records.h"        // ShareKey, ShareValue
#include "protocol/transaction_records.h"  // TransactionKey, TransactionValue
#include "protocol/versioned.h"

namespace millrace::protocol {

// `key` is one of the key structs (OffsetCommitKey, ...).
template <typename Key>
    requires requires { Key::kRecordKey; }
Result<std::vector<uint8_t>> encode_coordinator_key(const Key& key) {
    Writer out;
    out.number<int16_t>(Key::kRecordKey);
    TRY_OK(encode(key, 0, out));
    return out.take_bytes();
}

template <typename Value>
    requires requires { Value::kRecordKey; }
Result<std::vector<uint8_t>> encode_coordinator_value(const Value& value, int16_t version) {
    return encode_versioned(value, version);
}

// The record type that a record key starts with. ErrorCode::malformed.
Result<int16_t> coordinator_record_type(ByteView key);

// A key or value of a known type; it borrows. ErrorCode::malformed; ErrorCode::unsupported_version:
// a value from a later version, or a key of another type.
template <typename Key>
    requires requires { Key::kRecordKey; }
Result<Key> decode_coordinator_key(ByteView key) {
    TRY(const int16_t type, coordinator_record_type(key));
    if (type != Key::kRecordKey) return version_error(Key::kName, type);
    return decode<Key>(key.subspan(2), 0);
}
template <typename Value>
    requires requires { Value::kRecordKey; }
Result<Value> decode_coordinator_value(ByteView value) {
    return decode_versioned<Value>(value);
}

// A whole record of one log. nullopt: a type that this version does not know, which readers pass
// over.
template <typename Key, typename Value>
struct CoordinatorRecord {
    Key key;
    std::optional<Value> value;  // none: a tombstone
};
using GroupRecord = CoordinatorRecord<GroupKey, GroupValue>;
using TransactionRecord = CoordinatorRecord<TransactionKey, TransactionValue>;
using ShareRecord = CoordinatorRecord<ShareKey, ShareValue>;

// `value` is nullopt for a null record value. The result borrows from both.
Result<std::optional<GroupRecord>> decode_group_record(ByteView key, std::optional<ByteView> value);
Result<std::optional<TransactionRecord>> decode_transaction_record(ByteView key,
                                                                   std::optional<ByteView> value);
Result<std::optional<ShareRecord>> decode_share_record(ByteView key, std::optional<ByteView> value);

}  // namespace millrace::protocol
