#include "storage/key_snapshot.h"

#include <algorithm>

#include "base/crc32c.h"

namespace millrace::storage {
namespace {

constexpr uint64_t kMagic = 0x4d524b4559494458;  // MRKEYIDX
constexpr int16_t kVersion = 1;
constexpr size_t kHeaderCrcAt = 64;
constexpr size_t kKeyBytes = 24;
constexpr size_t kPendingBytes = 33;
constexpr size_t kCrcBytes = 4;
constexpr uint64_t kEntriesMax = uint64_t{1} << 40;
// Entries taken in at once.
constexpr uint64_t kPieceEntries = 16384;

template <typename T>
void put(std::vector<uint8_t>& out, T value) {
    out.resize(out.size() + sizeof(T));
    store_be(out.data() + out.size() - sizeof(T), value);
}
void put(std::vector<uint8_t>& out, const KeyHash& hash) {
    put(out, hash.first);
    put(out, hash.second);
}
KeyHash hash_at(const uint8_t* p) {
    return {load_be<uint64_t>(p), load_be<uint64_t>(p + 8)};
}

}  // namespace

std::vector<uint8_t> KeySnapshotHeader::encode() const {
    std::vector<uint8_t> out;
    put(out, kMagic);
    put(out, kVersion);
    put(out, int16_t{0});
    put(out, epoch);
    put(out, next);
    put(out, seed.k0);
    put(out, seed.k1);
    put(out, keys);
    put(out, pending);
    put(out, removals);
    put(out, crc32c(out));
    return out;
}

Result<KeySnapshotHeader> KeySnapshotHeader::decode(ByteView bytes) {
    if (bytes.size() < kBytes) return fail(ErrorCode::malformed, "shorter than its header");
    const uint8_t* p = bytes.data();
    if (load_be<uint64_t>(p) != kMagic || load_be<int16_t>(p + 8) != kVersion)
        return fail(ErrorCode::malformed, "not an index of keys, or of another version");
    if (load_be<uint32_t>(p + kHeaderCrcAt) != crc32c(bytes.first(kHeaderCrcAt)))
        return fail(ErrorCode::malformed, "wrong checksum in the header");
    return KeySnapshotHeader{.epoch = load_be<int32_t>(p + 12),
                             .next = load_be<int64_t>(p + 16),
                             .seed = {load_be<uint64_t>(p + 24), load_be<uint64_t>(p + 32)},
                             .keys = load_be<uint64_t>(p + 40),
                             .pending = load_be<uint64_t>(p + 48),
                             .removals = load_be<uint64_t>(p + 56)};
}

Result<uint64_t> KeySnapshotHeader::file_bytes() const {
    if (keys > kEntriesMax || pending > kEntriesMax || removals > kEntriesMax || next < 0)
        return fail(ErrorCode::malformed, "more entries than can be");
    return kBytes + (keys + removals) * kKeyBytes + pending * kPendingBytes + kCrcBytes;
}

std::vector<uint8_t> KeySnapshotWriter::header() {
    KeySnapshotHeader header{
        .epoch = epoch_, .next = index_.next_, .seed = index_.seed_, .keys = index_.table_.size()};
    for (const auto& [producer, changes] : index_.open_) header.pending += changes.size();
    for (const auto& [key, undecided] : index_.undecided_)
        header.removals += undecided.removed >= 0;
    return header.encode();
}

void KeySnapshotWriter::put_rest(std::vector<uint8_t>& out) const {
    for (const auto& [producer, changes] : index_.open_)
        for (const auto& [key, change] : changes) {
            put(out, producer);
            put(out, key);
            put(out, change.offset);
            put(out, static_cast<int8_t>(change.removes));
        }
    for (const auto& [key, undecided] : index_.undecided_)
        if (undecided.removed >= 0) {
            put(out, key);
            put(out, undecided.removed);
        }
}

std::vector<uint8_t> KeySnapshotWriter::next() {
    std::vector<uint8_t> out;
    if (piece_ == 0) {
        ++piece_;
        return header();
    }
    while (piece_ <= KeyTable::kParts && out.size() < kPieceEntries * kKeyBytes) {
        index_.table_.each_in(piece_ - 1, [&](const KeyHash& key, Offset offset) {
            put(out, key);
            put(out, offset);
        });
        ++piece_;
    }
    const bool last = out.size() < kPieceEntries * kKeyBytes && piece_ == KeyTable::kParts + 1;
    if (last) put_rest(out);
    crc_ = crc32c(out, crc_);
    if (last) {
        put(out, crc_);
        ++piece_;
    }
    return out;
}

size_t KeySnapshotReader::wanted() const {
    if (done_) return 0;
    const auto piece = [](uint64_t left, size_t bytes) {
        return static_cast<size_t>(std::min(left, kPieceEntries)) * bytes;
    };
    if (keys_ < header_.keys) return piece(header_.keys - keys_, kKeyBytes);
    if (pending_ < header_.pending) return piece(header_.pending - pending_, kPendingBytes);
    if (removals_ < header_.removals) return piece(header_.removals - removals_, kKeyBytes);
    return kCrcBytes;
}

Result<void> KeySnapshotReader::take(ByteView bytes) {
    const uint8_t* p = bytes.data();
    const uint8_t* const end = p + bytes.size();
    if (keys_ < header_.keys) {
        for (; p < end; p += kKeyBytes, ++keys_) {
            const auto offset = load_be<int64_t>(p + 16);
            if (offset < 0 || offset >= header_.next)
                return fail(ErrorCode::malformed, "an offset beyond the end");
            index_.table_.put(hash_at(p), offset);
        }
    } else if (pending_ < header_.pending) {
        for (; p < end; p += kPendingBytes, ++pending_)
            index_.write(hash_at(p + 8), {load_be<int64_t>(p + 24), p[32] != 0},
                         std::max(load_be<int64_t>(p), int64_t{0}));
    } else if (removals_ < header_.removals) {
        for (; p < end; p += kKeyBytes, ++removals_) {
            const auto at = index_.undecided_.find(hash_at(p));
            if (at == index_.undecided_.end())
                return fail(ErrorCode::malformed, "a removal of a key that is not pending");
            at->second.removed = load_be<int64_t>(p + 16);
        }
    } else {
        if (load_be<uint32_t>(p) != crc_) return fail(ErrorCode::malformed, "wrong checksum");
        index_.next_ = header_.next;
        done_ = true;
        return {};
    }
    crc_ = crc32c(bytes, crc_);
    return {};
}

}  // namespace millrace::storage
