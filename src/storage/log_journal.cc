// How a log uses the journal of its directory: small appends wait in memory, in the journal and in
// the tail, until drain() writes them to the segment.
#include "storage/journal.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "storage/log_state.h"

namespace millrace::storage {
namespace {

using runtime::Task;

// A log for which that much waits is drained by the append that comes next.
constexpr uint64_t kWaitingBytesMax = 64 << 10;

}  // namespace

bool Log::State::to_journal(size_t bytes, bool gather) const {
    if (!journal) return false;
    if (promises()) return bytes <= kPromisedBytesMax;
    if (bytes >= kDirectBytesMin || waiting_bytes + bytes > kWaitingBytesMax) return false;
    // One append by itself to a file that is open costs as much as one write to the journal.
    return gather || waiting_bytes > 0 || journal->gathering() || !segments.back()->file_open();
}

JournalEntry Log::State::journal_entry(JournalEntryKind kind) const {
    return {.kind = kind,
            .directory = directory_name,
            .topic_id = topic_id.value_or(Uuid{}),
            .base = segments.back()->base(),
            .position = segments.back()->size()};
}

std::shared_ptr<JournalGroup> Log::State::write_to_journal(ByteView batches, Offset end_after) {
    JournalEntry entry = journal_entry(JournalEntryKind::bytes);
    entry.batches = batches;
    entry.promised = promises() && !written_directly;
    tail.add_pinned(entry.base, entry.position, batches);
    active().defer(batches.size());
    waiting_bytes += batches.size();
    last_group = journal->add(*this, entry, progress, end_after);
    return last_group;
}

Result<void> Log::State::drain() {
    if (waiting_bytes == 0) return {};
    TRY_OK(check_usable());
    const std::vector<ByteView> parts = tail.pinned();
    if (auto done = active().drain(parts); !done) {
        if (done.code() == ErrorCode::io_error) {
            journal->fail_with(done.error());
            return give_up(std::move(done).error());
        }
        return storage_error(std::move(done).error());
    }
    tail.unpin();
    waiting_bytes = 0;
    journal->drained(*this);
    // In the page cache, whatever becomes of the journal's group.
    progress->written = end;
    return {};
}

void Log::State::needs_sync() {
    ++direct_writes;
    written_directly = true;
}

Task<Result<void>> Log::State::flush_all() {
    const Busy busy(*this);
    co_return co_await flush();
}

Task<Result<void>> Log::State::commit(AppendResult appended) {
    const bool flush_due = appended.flush_due;
    const Offset last = appended.last_offset;
    if (appended.group) {
        co_await appended.group->done.wait();
        CO_TRY_OK(check_usable());
        if (progress->written <= last) {
            CO_TRY_OK(appended.group->result);
            co_return fail(ErrorCode::kafka_storage_error,
                           fmt::format("{}: offset {} was not written", directory, last));
        }
    }
    if (!flush_due) co_return {};
    if (new_directory) CO_TRY_OK(co_await sync_new_directory());
    if (progress->flushed <= last) co_return co_await flush();
    co_return {};
}

Task<Result<void>> Log::State::settle() {
    JournalEntry entry = journal_entry(JournalEntryKind::settled);
    CO_TRY_OK(co_await flush());
    if (!journal || journal->untouched()) co_return {};
    if (auto synced = co_await shard.disk().sync_directory(directory); !synced)
        co_return give_up(std::move(synced).error());
    const auto group = journal->add_settled(entry);
    co_await group->done.wait();
    if (!group->result) co_return storage_error(group->result.error());
    co_return check_usable();
}

void Log::use_journal(Journal* journal) {
    INVARIANT(!state_->journal);
    state_->journal = journal;
}

Result<void> Log::drain() {
    return state_->drain();
}

Task<Result<void>> Log::settle() {
    const State::Busy busy(*state_);
    co_return co_await state_->settle();
}

Task<Result<void>> Log::commit(AppendResult appended) {
    const State::Busy busy(*state_);
    co_return co_await state_->commit(std::move(appended));
}

bool Log::committed(const AppendResult& appended) const {
    const State& s = *state_;
    return s.progress->written > appended.last_offset &&
           (!appended.flush_due ||
            (s.progress->flushed > appended.last_offset && !s.new_directory));
}

}  // namespace millrace::storage
