#include "streams/app/changelog_reader.h"

#include <algorithm>

#include "client/admin.h"
#include "client/offset_times.h"
#include "streams/app/failures.h"
#include "streams/app/fetched_records.h"

namespace millrace::streams {
namespace {

// Whether the consumer reads the task's changelogs already.
bool is_assigned(RunningTask& task) {
    return std::ranges::none_of(task.restorations(),
                                [](const auto& entry) { return entry.second.end < 0; });
}

}  // namespace

runtime::Task<Result<void>> ChangelogReader::advance() {
    const bool added = std::ranges::any_of(tasks_, [](const auto& entry) {
        return entry.second->restoring() && !is_assigned(*entry.second);
    });
    if (std::exchange(changed_, false) || added) CO_TRY_OK(co_await begin());
    const bool any =
        std::ranges::any_of(tasks_, [](const auto& entry) { return entry.second->restoring(); });
    if (!any) co_return Result<void>{};
    CO_TRY_OK(finish());
    CO_TRY(auto batches, co_await consumer_.poll(std::chrono::milliseconds(10)));
    CO_TRY_OK(guarded([&] {
        for (client::RecordBatch& batch : batches) restore(std::move(batch));
    }));
    CO_TRY_OK(co_await see_positions());
    co_return finish();
}

runtime::Task<Result<void>> ChangelogReader::begin() {
    std::vector<TopicPartition> changelogs;
    std::vector<TopicPartition> unknown;
    for (auto& [id, task] : tasks_) {
        if (!task->restoring()) continue;
        for (auto& [changelog, restoration] : task->restorations()) {
            changelogs.push_back(changelog);
            if (restoration.end < 0) unknown.push_back(changelog);
        }
    }
    std::map<TopicPartition, Offset> begins;
    std::map<TopicPartition, Offset> ends;
    if (!unknown.empty()) {
        CO_TRY(begins, co_await consumer_.beginning_offsets(unknown));
        CO_TRY(ends, co_await ends_of(unknown));
    }
    // No wait from here on: without its seek, a partition has nowhere to begin.
    CO_TRY_OK(consumer_.assign(changelogs));
    for (auto& [id, task] : tasks_) {
        if (!task->restoring()) continue;
        for (auto& [changelog, restoration] : task->restorations()) {
            const auto end = ends.find(changelog);
            if (end != ends.end()) {
                restoration.end = end->second;
                restoration.next = std::max(restoration.next, begins.at(changelog));
                if (listener_)
                    listener_->restore_started(changelog, restoration.store, restoration.next,
                                               restoration.end);
            }
            // Otherwise it came during the wait, and its turn is the next one.
            if (restoration.end >= 0) CO_TRY_OK(consumer_.seek(changelog, restoration.next));
        }
    }
    co_return finish();
}

// The last records there are, and not the last that are committed: of a transaction that has ended
// the changelog may not know yet. Reading waits there until it does.
runtime::Task<Result<std::map<TopicPartition, Offset>>> ChangelogReader::ends_of(
    std::span<const TopicPartition> changelogs) {
    client::Admin admin(consumer_.cluster());
    std::map<TopicPartition, TimestampMs> latest;
    for (const TopicPartition& changelog : changelogs) latest[changelog] = client::kLatest;
    CO_TRY(const auto found, co_await admin.list_offsets(std::move(latest)));
    std::map<TopicPartition, Offset> ends;
    for (const auto& [changelog, end] : found) {
        if (end.error.code != ErrorCode::none) co_return end.error;
        ends[changelog] = end.offset;
    }
    co_return ends;
}

void ChangelogReader::restore(client::RecordBatch batch) {
    const TopicPartition changelog = batch.place();
    for (auto& [id, task] : tasks_) {
        const auto found = task->restorations().find(changelog);
        if (found == task->restorations().end()) continue;
        Restoration& restoration = found->second;
        StateStore& store = task->store(restoration.store);
        restoration.next = std::max(restoration.next, batch.next_offset());
        int64_t count = 0;
        FetchedRecords records(std::move(batch));
        while (auto record = records.next()) {
            if (!record->key) continue;
            store.restore(*record->key, record->value, record->timestamp, record->headers);
            ++count;
        }
        restoration.restored += count;
        restored_ += count;
        if (listener_)
            listener_->batch_restored(changelog, restoration.store, restoration.next, count);
        return;
    }
}

// A changelog may end in a transaction's marker, which is no record.
runtime::Task<Result<void>> ChangelogReader::see_positions() {
    for (auto& [id, task] : tasks_) {
        if (!task->restoring()) continue;
        for (auto& [changelog, restoration] : task->restorations()) {
            if (restoration.end < 0) continue;
            CO_TRY(const Offset position, co_await consumer_.position(changelog));
            restoration.next = std::max(restoration.next, position);
        }
    }
    co_return Result<void>{};
}

Result<void> ChangelogReader::finish() {
    return guarded([&] {
        for (auto& [id, task] : tasks_) {
            std::vector<std::pair<TopicPartition, Restoration>> done;
            for (const auto& entry : task->restorations())
                if (entry.second.done()) done.emplace_back(entry);
            for (const auto& [changelog, restoration] : done) {
                task->restored(changelog);
                if (listener_)
                    listener_->restore_ended(changelog, restoration.store, restoration.restored);
                changed_ = true;
            }
            if (task->restoring() && task->restorations().empty()) task->start();
        }
    });
}

}  // namespace millrace::streams
