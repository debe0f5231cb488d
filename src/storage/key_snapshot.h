// A KeyIndex on the disk, written and read in pieces, so that nobody waits long for either.
//
//   0 "MRKEYIDX"  8 int16 version 1  10 int16 0  12 int32 leader epoch of the last offset known
//   16 int64 next offset  24 2 x uint64 seed of the hash  40 uint64 keys  48 uint64 pending
//   56 uint64 removals  64 uint32 CRC-32C of bytes 0..63
//   68 keys: 2 x uint64 hash, int64 offset
//      pending changes: int64 producer id, 2 x uint64 hash, int64 offset, int8 1 = removes the key
//      removals before which transactions are open: 2 x uint64 hash, int64 offset
//      uint32 CRC-32C of all behind byte 68
//
// All big-endian. Errors: malformed.
#pragma once

#include "storage/key_index.h"

namespace millrace::storage {

struct KeySnapshotHeader {
    static constexpr size_t kBytes = 68;

    LeaderEpoch epoch = -1;
    Offset next = 0;
    KeySeed seed;
    uint64_t keys = 0;
    uint64_t pending = 0;
    uint64_t removals = 0;

    std::vector<uint8_t> encode() const;
    static Result<KeySnapshotHeader> decode(ByteView bytes);
    // Of the whole file; malformed when no file can have that many entries.
    Result<uint64_t> file_bytes() const;
};

class KeySnapshotWriter {
public:
    // The index must not change until all is written.
    KeySnapshotWriter(const KeyIndex& index, LeaderEpoch epoch) : index_(index), epoch_(epoch) {}
    // The next piece of the file; empty at the end.
    std::vector<uint8_t> next();

private:
    std::vector<uint8_t> header();
    void put_rest(std::vector<uint8_t>& out) const;

    const KeyIndex& index_;
    LeaderEpoch epoch_;
    size_t piece_ = 0;  // the header, the parts of the table, the rest
    uint32_t crc_ = 0;
};

class KeySnapshotReader {
public:
    KeySnapshotReader(KeyIndex& into, const KeySnapshotHeader& header)
        : index_(into), header_(header) {}
    // How many of the bytes that follow to hand over next; 0 at the end.
    size_t wanted() const;
    // Exactly as many as wanted. What was read counts only once all of it was.
    Result<void> take(ByteView bytes);

private:
    KeyIndex& index_;
    const KeySnapshotHeader header_;
    uint64_t keys_ = 0;
    uint64_t pending_ = 0;
    uint64_t removals_ = 0;
    bool done_ = false;
    uint32_t crc_ = 0;
};

}  // namespace millrace::storage
