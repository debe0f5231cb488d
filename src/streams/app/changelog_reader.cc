#include "streams/app/changelog_reader.h"

#include <algorithm>

#include "streams/app/fetched_records.h"

namespace millrace::streams {

runtime::Task<Result<void>> ChangelogReader::advance() {
    if (std::exchange(changed_, false)) CO_TRY_OK(co_await begin());
    const bool any = std::ranges::any_of(
        tasks_, [](const auto& entry) { return !entry.second->restorations().empty(); });
    if (!any) co_return Result<void>{};
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
        for (auto& [changelog, restoration] : task->restorations()) {
            changelogs.push_back(changelog);
            if (restoration.end < 0) unknown.push_back(changelog);
        }
    }
    std::map<TopicPartition, Offset> begins;
    std::map<TopicPartition, Offset> ends;
    if (!unknown.empty()) {
        CO_TRY(begins, co_await consumer_.beginning_offsets(unknown));
        CO_TRY(ends, co_await consumer_.end_offsets(unknown));
    }
    // No wait from here on: without its seek, a partition has nowhere to begin.
    CO_TRY_OK(consumer_.assign(changelogs));
    for (auto& [id, task] : tasks_) {
        for (auto& [changelog, restoration] : task->restorations()) {
            const auto end = ends.find(changelog);
            if (end != ends.end()) {
                restoration.end = end->second;
                restoration.next = std::max(restoration.next, begins.at(changelog));
                if (listener_)
                    listener_->restore_started(changelog, restoration.store, restoration.next,
                                               restoration.end);
            }
            CO_TRY_OK(consumer_.seek(changelog, restoration.next));
        }
    }
    co_return finish();
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
        for (auto& [changelog, restoration] : task->restorations()) {
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
            if (!task->running() && task->restorations().empty()) task->start();
        }
    });
}

}  // namespace millrace::streams
