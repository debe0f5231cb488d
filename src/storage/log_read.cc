// Reading: where batches lie, and which memory or file they are given from.
#include <fmt/format.h>

#include <algorithm>

#include "base/log.h"
#include "storage/log_state.h"

namespace millrace::storage {

using protocol::BatchHeaderView;
using protocol::kBatchHeaderBytes;
using runtime::Task;

// An index file larger than this is not one: entries for 2 GiB of the smallest batches.
constexpr uint64_t kIndexBytesMax = 1u << 29;

Result<ByteView> HeaderScan::bytes_at(uint64_t position) {
    if (position >= memory_position_ &&
        position + kBatchHeaderBytes <= memory_position_ + memory_.size())
        return memory_.view.subspan(position - memory_position_);
    if (position >= buffer_position_ &&
        position + kBatchHeaderBytes <= buffer_position_ + buffer_bytes_)
        return ByteView{buffer_}.subspan(position - buffer_position_, kBatchHeaderBytes);
    memory_ = tail_.find(segment_.base(), position);
    memory_position_ = position;
    if (memory_.size() >= kBatchHeaderBytes) return memory_.view;
    memory_ = {};
    TRY(const auto file, segment_.file());
    // What waits behind it is in memory.
    const uint64_t left = segment_.drained() - std::min(segment_.drained(), position);
    const MutableByteView into{buffer_.data(), std::min<uint64_t>(buffer_.size(), left)};
    buffer_bytes_ = 0;
    auto read = cold_.read(file, position, into);
    if (read && *read < kBatchHeaderBytes && left >= kBatchHeaderBytes)
        read = fail(ErrorCode::kafka_storage_error, segment_.path(kLogSuffix) + " was cut");
    if (!read)
        return read.code() == ErrorCode::would_block ? std::move(read).error()
                                                     : storage_error(std::move(read).error());
    buffer_position_ = position;
    buffer_bytes_ = *read;
    return ByteView{buffer_.data(), *read};
}

Result<BatchHeaderView> HeaderScan::at(uint64_t position) {
    const auto damaged = [&] {
        return fail(ErrorCode::corrupt_message,
                    fmt::format("no sound batch at {} of {}", position, segment_.path(kLogSuffix)));
    };
    if (position + kBatchHeaderBytes > segment_.size()) return damaged();
    TRY(const ByteView bytes, bytes_at(position));
    const auto header = BatchHeaderView::parse(bytes);
    if (!header || header->base_offset() < segment_.base() ||
        position + header->size_bytes() > segment_.size())
        return damaged();
    return *header;
}

// The position of the first batch whose last offset is at or above `target`; the segment's size
// when there is none.
Result<uint64_t> Log::State::locate(Segment& segment, Offset target, ColdReads& cold) {
    if (segment.size() == 0) return 0;
    if (!segment.offsets().loaded()) return cold.need(ColdReads::Missing::index, segment.base());
    if (&segment != &active()) segment.touch_index();
    uint64_t position = segment.position_before(target);
    const bool from_index = position > 0;
    const auto misled = [&] {
        LOG_WARN("storage", "index of {} is unsound, it is rebuilt", segment.path(kLogSuffix));
        return cold.need(ColdReads::Missing::sound_index, segment.base());
    };
    if (position >= segment.size()) return misled();
    bool first = true;
    HeaderScan scan(tail, segment, cold);
    while (position < segment.size()) {
        const auto header = scan.at(position);
        const bool unsound = header.code() == ErrorCode::corrupt_message ||
                             (header && first && header->base_offset() > target);
        if (from_index && unsound) return misled();
        if (!header) return header.error();
        if (header->last_offset() >= target) return position;
        position += header->size_bytes();
        first = false;
    }
    return segment.size();
}

Result<void> Log::State::emit(Segment& segment, uint64_t from, uint64_t to, Chain& out) const {
    while (from < to) {
        SharedBytes memory = tail.find(segment.base(), from);
        if (memory.size() > 0) {
            memory.view = memory.view.first(std::min<uint64_t>(memory.size(), to - from));
            from += memory.size();
            out.append(std::move(memory));
            continue;
        }
        const uint64_t next = std::min(to, tail.next_position(segment.base(), from));
        TRY(auto file, segment.file());
        out.append_file(std::move(file), from, next - from);
        from = next;
    }
    return {};
}

Result<ReadResult> Log::State::read(const ReadRequest& request, ColdReads& cold) {
    TRY_OK(check_usable());
    if (request.from < start || request.from > end)
        return fail(ErrorCode::offset_out_of_range,
                    fmt::format("offset {} is not in [{}, {}]", request.from, start, end));
    const Offset upper = std::min(request.upper_bound, end);
    ReadResult result{.next_offset = request.from};
    if (request.from >= upper || (request.max_bytes == 0 && !request.min_one)) return result;

    size_t index = segment_index(request.from);
    uint64_t begin = 0;
    while (true) {
        TRY(begin, locate(*segments[index], request.from, cold));
        // Behind the last batch of a segment (compaction leaves such gaps): it goes on in the next.
        if (begin < segments[index]->size()) break;
        if (++index == segments.size()) return result;
    }
    Segment& segment = *segments[index];
    HeaderScan scan(tail, segment, cold);
    TRY(BatchHeaderView header, scan.at(begin));
    if (header.next_offset() > upper) return result;
    const uint64_t first_bytes = header.size_bytes();
    result.first_offset = header.base_offset();
    Offset next = header.next_offset();

    uint64_t stop = segment.size();
    const bool whole = upper >= segment_end(index);
    if (!whole) {
        TRY(stop, locate(segment, upper, cold));
    }
    if (first_bytes >= request.max_bytes) {
        if (first_bytes > request.max_bytes && !request.min_one)
            return ReadResult{.next_offset = request.from};
        stop = begin + first_bytes;
    } else if (stop - begin > request.max_bytes) {
        const uint64_t limit = begin + request.max_bytes;
        stop = std::max(begin, segment.batch_start_before(limit));
        while (true) {
            const auto at = scan.at(stop);
            if (at.code() == ErrorCode::corrupt_message)
                return cold.need(ColdReads::Missing::sound_index, segment.base());
            TRY(header, at);
            if (stop + header.size_bytes() > limit) break;
            stop += header.size_bytes();
        }
        next = header.base_offset();
    } else if (whole) {
        next = segment_end(index);
    } else {
        // What begins at `stop` holds the upper bound or lies behind it.
        next = upper;
        if (stop < segment.size()) {
            TRY(header, scan.at(stop));
            next = std::min(upper, header.base_offset());
        }
    }
    TRY_OK(emit(segment, begin, stop, result.records));
    result.next_offset = next;
    return result;
}

Task<Result<ReadResult>> Log::read(ReadRequest request) {
    state_->used = true;
    const State::Busy busy(*state_);
    ColdReads cold;
    while (true) {
        auto result = state_->read(request, cold);
        if (result.code() != ErrorCode::would_block) co_return result;
        CO_TRY_OK(co_await state_->wait_for(cold));
    }
}

Result<ReadResult> Log::read_now(const ReadRequest& request) {
    state_->used = true;
    ColdReads cold;
    return state_->read(request, cold);
}

Result<std::vector<AbortedTransaction>> Log::State::aborted(Offset from, Offset upper,
                                                            ColdReads& cold) {
    std::vector<AbortedTransaction> found;
    for (size_t i = segment_index(from); i < segments.size(); ++i) {
        Segment& segment = *segments[i];
        if (!segment.aborts().loaded())
            return cold.need(ColdReads::Missing::aborts, segment.base());
        for (const AbortEntry& entry : segment.aborts().all()) {
            if (entry.last_offset >= from && entry.first_offset < upper)
                found.push_back({entry.producer_id, entry.first_offset});
            // Everything below was decided when this one was: nothing later can reach below
            // `upper`.
            if (entry.last_stable_offset >= upper) return found;
        }
    }
    return found;
}

Task<Result<std::vector<AbortedTransaction>>> Log::aborted_transactions(Offset from, Offset upper) {
    const State::Busy busy(*state_);
    ColdReads cold;
    while (true) {
        auto result = state_->aborted(from, upper, cold);
        if (result.code() != ErrorCode::would_block) co_return result;
        CO_TRY_OK(co_await state_->wait_for(cold));
    }
}

Task<Result<void>> Log::State::wait_for(ColdReads& cold) {
    switch (cold.missing()) {
        case ColdReads::Missing::pages:
            co_return co_await cold.wait_for_pages();
        case ColdReads::Missing::index:
            co_return co_await load_index(cold.segment_base());
        case ColdReads::Missing::sound_index:
            co_return co_await rebuild_index(cold.segment_base());
        case ColdReads::Missing::aborts:
            co_return co_await load_aborts(cold.segment_base());
        case ColdReads::Missing::nothing:
            break;
    }
    co_return fail(ErrorCode::kafka_storage_error, "a file did not answer");
}

// After each wait the segment is looked up again: retention may have taken it, or compaction put
// another one in its place.
Task<Result<void>> Log::State::load_index(Offset base) {
    const std::string path = offset_file_path(directory, base, kIndexSuffix);
    const uint64_t view = swaps;
    const auto bytes = co_await read_whole(shard.disk(), path, kIndexBytesMax);
    if (view != swaps) co_return co_await load_index(base);
    if (bytes.code() == ErrorCode::not_found) co_return co_await rebuild_index(base);
    if (!bytes) co_return storage_error(bytes.error());
    Segment* segment = find_segment(base);
    if (segment && !segment->offsets().loaded()) segment->offsets().load(*bytes);
    co_return {};
}

Task<Result<void>> Log::State::load_times(Offset base) {
    const std::string path = offset_file_path(directory, base, kTimeIndexSuffix);
    const uint64_t view = swaps;
    const auto bytes = co_await read_whole(shard.disk(), path, kIndexBytesMax);
    if (view != swaps) co_return co_await load_times(base);
    if (bytes.code() == ErrorCode::not_found) co_return co_await rebuild_index(base);
    if (!bytes) co_return storage_error(bytes.error());
    Segment* segment = find_segment(base);
    if (!segment || segment->times().loaded()) co_return {};
    segment->times().load(*bytes);
    if (!segment->max_timestamp_known()) {
        const auto& entries = segment->times().all();
        if (entries.empty()) {
            segment->set_max_timestamp(-1, -1);
        } else {
            segment->set_max_timestamp(entries.back().timestamp, base + entries.back().offset);
        }
    }
    co_return {};
}

Task<Result<void>> Log::State::load_aborts(Offset base) {
    const std::string path = offset_file_path(directory, base, kTxnIndexSuffix);
    const uint64_t view = swaps;
    const auto bytes = co_await read_whole(shard.disk(), path, kIndexBytesMax);
    if (view != swaps) co_return co_await load_aborts(base);
    Segment* segment = find_segment(base);
    if (!segment || segment->aborts().loaded()) co_return {};
    if (bytes.code() == ErrorCode::not_found) {
        segment->aborts().start_empty();
        co_return {};
    }
    if (!bytes) co_return storage_error(bytes.error());
    segment->aborts().load(*bytes);
    co_return {};
}

// Makes .index and .timeindex entries anew from the batches; the segment may grow meanwhile.
Task<Result<void>> Log::State::rebuild_index(Offset base) {
    Segment scanned(shard, directory, base, 0);
    uint64_t position = 0;
    const uint64_t view = swaps;
    while (true) {
        if (view != swaps) co_return co_await rebuild_index(base);
        Segment* segment = find_segment(base);
        if (!segment) co_return {};
        CO_TRY_OK(drain());
        if (position == segment->size()) {
            segment->offsets().rebuild(scanned.offsets().all());
            segment->times().rebuild(scanned.times().all());
            segment->set_max_timestamp(scanned.max_timestamp(), scanned.max_timestamp_offset());
            if (segment == &active()) co_return {};
            co_return segment->finish_indexes();
        }
        CO_TRY(auto file, segment->file());
        BatchFile batches(std::move(file), position, segment->size());
        while (true) {
            CO_TRY(const bool more, co_await batches.load());
            if (!more) break;
            while (const auto batch = batches.next())
                scanned.note(*batch, batches.batch_position(), config, 0);
        }
        if (batches.position() == position)
            co_return fail(ErrorCode::corrupt_message,
                           fmt::format("no sound batch at {} of {}", position,
                                       offset_file_path(directory, base, kLogSuffix)));
        position = batches.position();
    }
}

}  // namespace millrace::storage
