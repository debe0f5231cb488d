// What the internal logs store, and the other structures. The first byte chooses: below 8 a framed
// record of one log, else the (n - 8)th message of the catalog that is neither request nor
// response, at the version in the second byte.
#include "protocol/coordinator_record.h"
#include "protocol/fuzz_message.h"
#include "protocol/metadata_record.h"

using namespace millrace;
using namespace millrace::protocol;

namespace {

const MessageInfo* stored_message(size_t n) {
    for (const MessageInfo* m : all_messages()) {
        if (m->kind == MessageKind::request || m->kind == MessageKind::response) continue;
        if (n-- == 0) return m;
    }
    return nullptr;
}

// A key and a value: the length of the key is the first byte.
template <typename Decode>
void fuzz_pair(ByteView in, Decode decode) {
    if (in.empty()) return;
    const size_t key = std::min<size_t>(in[0], in.size() - 1);
    (void)decode(in.subspan(1, key), in.subspan(1 + key));
    (void)decode(in.subspan(1), std::nullopt);
}

void fuzz_metadata_record(ByteView in) {
    auto record = decode_metadata_record(in);
    if (!record.has_value()) return;
    const int16_t version = open_record_frame(in)->version;
    auto bytes = encode_metadata_record(*record, version);
    INVARIANT(bytes.has_value());
    auto again = decode_metadata_record(*bytes);
    // Bytes, not records: a quota may be a NaN.
    INVARIANT(again.has_value() && *encode_metadata_record(*again, version) == *bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size < 2) return 0;
    const ByteView in(data + 1, size - 1);
    switch (data[0]) {
        case 0:
            fuzz_metadata_record(in);
            return 0;
        case 1:
            (void)decode_remote_log_record(in);
            return 0;
        case 2:
            fuzz_pair(in, decode_group_record);
            return 0;
        case 3:
            fuzz_pair(in, decode_transaction_record);
            return 0;
        case 4:
            fuzz_pair(in, decode_share_record);
            return 0;
        default:
            break;
    }
    const MessageInfo* message = data[0] < 8 ? nullptr : stored_message(data[0] - 8u);
    if (message != nullptr) fuzz_message(*message, in[0], in.subspan(1));
    return 0;
}
