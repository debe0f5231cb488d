#include "protocol/control_record.h"

namespace millrace::protocol {

std::array<uint8_t, 4> encode_control_key(ControlType type) {
    std::array<uint8_t, 4> key{};
    store_be(key.data() + 2, static_cast<int16_t>(type));
    return key;
}

Result<ControlType> decode_control_key(ByteView key) {
    if (key.size() < 4) return fail(ErrorCode::corrupt_message, "control record key is too short");
    if (load_be<int16_t>(key.data()) < 0) {
        return fail(ErrorCode::corrupt_message, "control record key has a negative version");
    }
    return static_cast<ControlType>(load_be<int16_t>(key.data() + 2));
}

std::array<uint8_t, 6> encode_end_txn_marker(int32_t coordinator_epoch) {
    std::array<uint8_t, 6> value{};
    store_be(value.data() + 2, coordinator_epoch);
    return value;
}

Result<int32_t> decode_end_txn_marker(ByteView value) {
    if (value.size() < 6) {
        return fail(ErrorCode::corrupt_message, "transaction marker is too short");
    }
    if (load_be<int16_t>(value.data()) < 0) {
        return fail(ErrorCode::corrupt_message, "transaction marker has a negative version");
    }
    return load_be<int32_t>(value.data() + 2);
}

}  // namespace millrace::protocol
