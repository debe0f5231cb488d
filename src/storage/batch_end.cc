#include "storage/batch_end.h"

#include <algorithm>
#include <array>
#include <vector>

#include "protocol/record_batch.h"

namespace millrace::storage {
namespace {

using runtime::File;
using runtime::Task;

// How much is read before the place: most batches are small.
constexpr std::array<uint64_t, 3> kWindows{4 << 10, 64 << 10, 1 << 20};

Task<Result<std::vector<uint8_t>>> read_part(File& file, uint64_t position, uint64_t bytes) {
    std::vector<uint8_t> found(bytes);
    auto count = file.read_at_now(position, found);
    if (!count || *count < bytes) count = co_await file.read_at(position, found);
    if (!count) co_return std::move(count).error();
    found.resize(*count);
    co_return found;
}

std::optional<Offset> sound_batch(ByteView bytes) {
    const auto batch = protocol::BatchView::parse(bytes);
    if (!batch || batch->size_bytes() != bytes.size() || !batch->verify_crc()) return {};
    return batch->next_offset();
}

// The batch that reaches from somewhere in `bytes` to their end. Its length and its checksum say so;
// only a whole batch that somebody put into a record, ending just there, would look the same.
std::optional<Offset> batch_at_end(ByteView bytes) {
    for (size_t size = protocol::kBatchHeaderBytes; size <= bytes.size(); ++size) {
        const ByteView tail = bytes.last(size);
        if (load_be<uint32_t>(tail.data() + 8) != size - protocol::kBatchPrefixBytes) continue;
        if (const auto next = sound_batch(tail)) return next;
    }
    return {};
}

Task<Result<std::optional<Offset>>> walk_to(File& file, uint64_t position) {
    for (uint64_t at = 0; position - at >= protocol::kBatchHeaderBytes;) {
        CO_TRY(const auto head, co_await read_part(file, at, protocol::kBatchHeaderBytes));
        const auto header = protocol::BatchHeaderView::parse(head);
        if (!header || header->size_bytes() > position - at) break;
        if (at + header->size_bytes() == position) {
            CO_TRY(const auto bytes, co_await read_part(file, at, position - at));
            co_return sound_batch(bytes);
        }
        at += header->size_bytes();
    }
    co_return std::nullopt;
}

}  // namespace

Task<Result<std::optional<Offset>>> offset_behind(File& file, uint64_t position) {
    CO_TRY(const uint64_t size, file.size());
    if (position > size) co_return std::nullopt;
    for (const uint64_t window : kWindows) {
        const uint64_t bytes = std::min(window, position);
        CO_TRY(const auto before, co_await read_part(file, position - bytes, bytes));
        if (before.size() != bytes) co_return std::nullopt;
        if (const auto next = batch_at_end(before)) co_return next;
        if (bytes == position) co_return std::nullopt;
    }
    co_return co_await walk_to(file, position);
}

}  // namespace millrace::storage
