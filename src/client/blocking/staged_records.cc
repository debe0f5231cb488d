#include "client/blocking/staged_records.h"

#include <fmt/format.h>

namespace millrace::client {

size_t StagedRecords::Load::memory_for(const Record& record) {
    size_t bytes = record.topic.size() + (record.key ? record.key->size() : 0) +
                   (record.value ? record.value->size() : 0);
    for (const RecordHeader& header : record.headers)
        bytes += header.key.size() + (header.value ? header.value->size() : 0);
    return bytes;
}

bool StagedRecords::Load::has_room(size_t bytes) const {
    constexpr size_t kEntriesMax = kRoom / 32;
    return entries_.empty() ||
           (memory_.size() + bytes <= memory_.capacity() && entries_.size() < kEntriesMax);
}

void StagedRecords::Load::add(const Record& record, OnDelivery on_delivery, size_t bytes) {
    if (memory_.capacity() < std::max(bytes, kRoom)) memory_.reserve(std::max(bytes, kRoom));
    Record kept = record;
    kept.topic = keep(record.topic);
    kept.key = keep(record.key);
    kept.value = keep(record.value);
    if (!record.headers.empty()) {
        auto& headers =
            headers_.emplace_back(std::make_unique<RecordHeader[]>(record.headers.size()));
        for (size_t i = 0; i != record.headers.size(); ++i)
            headers[i] = {keep(record.headers[i].key), keep(record.headers[i].value)};
        kept.headers = {headers.get(), record.headers.size()};
    }
    entries_.push_back({kept, std::move(on_delivery)});
}

void StagedRecords::Load::clear() {
    entries_.clear();
    headers_.clear();
    memory_.clear();
    // One large record is no reason to keep so much.
    if (memory_.capacity() > 2 * kRoom) memory_.shrink_to_fit();
}

std::string_view StagedRecords::Load::keep(std::string_view text) {
    const ByteView kept = *keep(std::optional<ByteView>{as_bytes(text)});
    return {reinterpret_cast<const char*>(kept.data()), kept.size()};
}

std::optional<ByteView> StagedRecords::Load::keep(const std::optional<ByteView>& bytes) {
    if (!bytes) return std::nullopt;
    const size_t at = memory_.size();
    memory_.insert(memory_.end(), bytes->begin(), bytes->end());
    return ByteView{memory_}.subspan(at);
}

Result<void> StagedRecords::put(const Record& record, OnDelivery on_delivery,
                                std::chrono::milliseconds patience) {
    const size_t bytes = Load::memory_for(record);
    bool bell = false;
    {
        std::unique_lock lock{mutex_};
        if (!room_.wait_for(lock, patience, [&] { return closed_ || load_.has_room(bytes); }))
            return fail(ErrorCode::deadline_exceeded,
                        fmt::format("no room for the record within {} ms: the cluster takes them "
                                    "too slowly",
                                    patience.count()));
        if (closed_) return fail(ErrorCode::cancelled, "the producer is closed");
        load_.add(record, std::move(on_delivery), bytes);
        ++count_;
        bell = !std::exchange(on_its_way_, true);
    }
    if (bell) loop_.post_remote(*this);
    return {};
}

uint64_t StagedRecords::count() const {
    const std::lock_guard lock{mutex_};
    return count_;
}

void StagedRecords::close() {
    const std::lock_guard lock{mutex_};
    closed_ = true;
    room_.notify_all();
}

bool StagedRecords::take(Load& load) {
    const std::lock_guard lock{mutex_};
    if (load_.empty()) return false;
    std::swap(load, load_);
    room_.notify_all();
    return true;
}

void StagedRecords::run() {
    {
        const std::lock_guard lock{mutex_};
        on_its_way_ = false;
    }
    filled_.notify();
}

}  // namespace millrace::client
