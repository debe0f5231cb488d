#include "streams/ops/foreign_key.h"

#include <bit>
#include <cstring>

#include "streams/errors.h"

namespace millrace::streams::ops {
namespace {

constexpr char kSubscriptionVersion = 1;
constexpr char kResponseVersion = 0;
constexpr unsigned kNoHash = 0x80;
constexpr size_t kPartitionSize = 4;

constexpr uint64_t kC1 = 0x87c37b91114253d5;
constexpr uint64_t kC2 = 0x4cf5ad432745937f;
constexpr uint64_t kSeed = 104729;

uint64_t mix_1(uint64_t k) {
    return std::rotl(k * kC1, 31) * kC2;
}
uint64_t mix_2(uint64_t k) {
    return std::rotl(k * kC2, 33) * kC1;
}
uint64_t finish(uint64_t h) {
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccd;
    h ^= h >> 33;
    h *= 0xc4ceb9fe1a85ec53;
    return h ^ (h >> 33);
}
// Little-endian, of at most 8 bytes.
uint64_t little(BytesView bytes) {
    uint64_t value = 0;
    for (size_t i = bytes.size(); i-- > 0;) value = value << 8 | static_cast<uint8_t>(bytes[i]);
    return value;
}

[[noreturn]] void refuse(std::string_view what) {
    throw SerializationException(fmt::format("these bytes are no {} of a foreign-key join", what));
}

void append_head(Bytes& out, char version, const std::optional<ValueHash>& hash) {
    out += static_cast<char>(hash ? static_cast<unsigned>(version)
                                  : static_cast<unsigned>(version) | kNoHash);
}

// Takes the version off, and tells whether a hash follows.
bool take_head(BytesView& bytes, char newest, std::string_view what) {
    if (bytes.empty()) refuse(what);
    const unsigned head = static_cast<uint8_t>(bytes.front());
    if ((head & ~kNoHash) > static_cast<unsigned>(newest))
        throw SerializationException(
            fmt::format("a {} of a foreign-key join has the version {}", what, head & ~kNoHash));
    bytes.remove_prefix(1);
    return (head & kNoHash) == 0;
}
ValueHash take_hash(BytesView& bytes, std::string_view what) {
    ValueHash hash;
    if (bytes.size() < hash.size()) refuse(what);
    std::memcpy(hash.data(), bytes.data(), hash.size());
    bytes.remove_prefix(hash.size());
    return hash;
}

}  // namespace

ValueHash hash_of(BytesView bytes) {
    const size_t size = bytes.size();
    uint64_t h1 = kSeed;
    uint64_t h2 = kSeed;
    for (; bytes.size() >= 16; bytes.remove_prefix(16)) {
        h1 ^= mix_1(little(bytes.substr(0, 8)));
        h1 = (std::rotl(h1, 27) + h2) * 5 + 0x52dce729;
        h2 ^= mix_2(little(bytes.substr(8, 8)));
        h2 = (std::rotl(h2, 31) + h1) * 5 + 0x38495ab5;
    }
    if (bytes.size() > 8) h2 ^= mix_2(little(bytes.substr(8)));
    if (!bytes.empty()) h1 ^= mix_1(little(bytes.substr(0, 8)));
    h1 ^= size;
    h2 ^= size;
    h1 += h2;
    h2 += h1;
    h1 = finish(h1);
    h2 = finish(h2);
    h1 += h2;
    h2 += h1;
    Bytes out;
    append_be<uint64_t>(out, h1);
    append_be<uint64_t>(out, h2);
    ValueHash hash;
    std::memcpy(hash.data(), out.data(), hash.size());
    return hash;
}

std::string_view name_of(Instruction instruction) {
    switch (instruction) {
        case Instruction::unsubscribe:
            return "DELETE_KEY_NO_PROPAGATE";
        case Instruction::unsubscribe_and_answer:
            return "DELETE_KEY_AND_PROPAGATE";
        case Instruction::subscribe_and_answer:
            return "PROPAGATE_NULL_IF_NO_FK_VAL_AVAILABLE";
        case Instruction::subscribe_and_answer_if_present:
            return "PROPAGATE_ONLY_IF_FK_VAL_AVAILABLE";
    }
    return "";
}

Bytes encode_subscription(const Subscription& subscription) {
    Bytes bytes;
    append_head(bytes, kSubscriptionVersion, subscription.hash);
    bytes += static_cast<char>(subscription.instruction);
    if (subscription.hash) bytes.append(subscription.hash->data(), subscription.hash->size());
    bytes += subscription.left_key;
    append_be<int32_t>(bytes, subscription.left_partition);
    return bytes;
}

Subscription decode_subscription(BytesView bytes) {
    constexpr std::string_view kWhat = "subscription";
    const bool hashed = take_head(bytes, kSubscriptionVersion, kWhat);
    if (bytes.empty() || static_cast<uint8_t>(bytes.front()) > 3) refuse(kWhat);
    Subscription subscription;
    subscription.instruction = static_cast<Instruction>(bytes.front());
    bytes.remove_prefix(1);
    if (hashed) subscription.hash = take_hash(bytes, kWhat);
    if (bytes.size() < kPartitionSize) refuse(kWhat);
    subscription.left_key = bytes.substr(0, bytes.size() - kPartitionSize);
    subscription.left_partition = read_be<int32_t>(bytes.substr(bytes.size() - kPartitionSize));
    return subscription;
}

Bytes encode_response(const Response& response) {
    Bytes bytes;
    append_head(bytes, kResponseVersion, response.hash);
    if (response.hash) bytes.append(response.hash->data(), response.hash->size());
    if (response.right_value) bytes += *response.right_value;
    return bytes;
}

Response decode_response(BytesView bytes) {
    constexpr std::string_view kWhat = "response";
    Response response;
    if (take_head(bytes, kResponseVersion, kWhat)) response.hash = take_hash(bytes, kWhat);
    if (!bytes.empty()) response.right_value = Bytes(bytes);
    return response;
}

Bytes subscription_key(BytesView foreign_key, BytesView left_key) {
    Bytes bytes;
    append_be<int32_t>(bytes, static_cast<int32_t>(foreign_key.size()));
    bytes += foreign_key;
    bytes += left_key;
    return bytes;
}

}  // namespace millrace::streams::ops
