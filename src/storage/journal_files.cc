// The journal's files: made, filled one after the other, and used again once nothing in them is
// needed.
#include <fmt/format.h>

#include <algorithm>

#include "storage/file_names.h"
#include "storage/journal.h"

namespace millrace::storage {

using runtime::Task;

// Not ready to be used: it is in no list but files_.
Result<Journal::File*> Journal::make_file() {
    std::string path;
    const auto taken = [&] {
        return std::ranges::any_of(files_, [&](const auto& file) { return file->path == path; });
    };
    for (size_t i = 0; path.empty() || taken(); ++i)
        path = join_path(directory_, fmt::format("{}{}", kJournalPrefix, i));
    TRY(auto file, disk_.open(path, runtime::OpenMode::create));
    if (auto reserved = file->reserve(file_bytes_); !reserved) {
        file.reset();
        (void)disk_.remove(path);
        return std::move(reserved).error();
    }
    files_.push_back(std::make_unique<File>());
    files_.back()->path = path;
    files_.back()->file = std::move(file);
    name_unsynced_ = true;
    return files_.back().get();
}

void Journal::start_preparing() {
    if (!free_.empty() || files_.size() == files_max_ || cannot_prepare_ || closing_) return;
    if (!std::exchange(preparing_, true)) scope_->spawn(prepare_file());
}

// The next file, ahead of need, and full of zeros: a sync of what is written over them takes about
// three quarters of the time, and need not wait for the file system's own journal.
Task<void> Journal::prepare_file() {
    Result<File*> made = make_file();
    Result<void> done;
    for (uint64_t at = 0; made && done && at < file_bytes_ && !closing_ && !failed_;) {
        const size_t bytes = std::min<size_t>(runtime::File::kZerosMax, file_bytes_ - at);
        done = co_await (*made)->file->write_zeros(at, bytes);
        at += bytes;
    }
    cannot_prepare_ = !made || !done;
    if (made && done) {
        free_.push_back(*made);
    } else if (made) {
        (void)disk_.remove((*made)->path);
        std::erase_if(files_, [&](const auto& file) { return file.get() == *made; });
    }
    preparing_ = false;
    room_made_.set();
}

// Begins the next file, waiting for one if need be.
Task<Result<void>> Journal::next_file() {
    filling_ = false;
    while (free_.empty()) {
        if (files_.size() < files_max_ && !preparing_) {
            CO_TRY(File* const made, make_file());
            free_.push_back(made);
            break;
        }
        room_made_.reset();
        if (!freeing_ && !preparing_) start_making_room();
        co_await room_made_.wait();
        if (failed_) co_return *failed_;
        if (free_.empty() && !freeing_ && !preparing_ && files_.size() == files_max_)
            co_return fail(ErrorCode::no_space, directory_ + ": the journal is full");
    }
    File* const file = free_.front();
    if (!file->file) {
        CO_TRY(file->file, disk_.open(file->path, runtime::OpenMode::create));
        name_unsynced_ = true;
    }
    free_.pop_front();
    file->number = next_number_++;
    file->first_sequence = next_sequence_;
    used_.push_back(file);
    filling_ = true;
    position_ = 0;
    // Ahead of need, while there is still one to fill.
    if (files_.size() == files_max_ && free_.size() < 2) start_making_room();
    co_return {};
}

void Journal::release_files() {
    // The newest that was filled since the start stays: notes go there.
    while (!used_.empty() && (used_.size() > 1 || !takes_notes())) {
        const uint64_t number = used_.front()->number;
        if (!found_unsynced_.empty() ||
            (!undrained_.empty() && undrained_.begin()->first <= number) ||
            (!unsynced_.empty() && unsynced_.begin()->first <= number))
            break;
        // Groups that wait for a sync of this file are not done, so their logs are still listed.
        released_.push_back(used_.front());
        used_.pop_front();
    }
    if (!released_.empty() && !std::exchange(freeing_, true)) scope_->spawn(free_released());
}

bool Journal::takes_notes() const {
    return !used_.empty() && used_.back()->first_sequence != 0;
}

uint64_t Journal::needed_from() const {
    return used_.empty() ? next_sequence_ : used_.front()->first_sequence;
}

// An empty group, for what its header says.
Result<void> Journal::write_note() {
    if (position_ + kNoteBytes > file_bytes_) return fail(ErrorCode::no_space);
    JournalGroupBuilder note;
    const ByteView bytes = note.finish(next_sequence_, needed_from());
    TRY_OK(used_.back()->file->write_at(position_, {&bytes, 1}));
    ++next_sequence_;
    position_ += bytes.size();
    used_.back()->dirty = true;
    return {};
}

// A loss of power may take what is written over a file, and leave older ones as they were: then
// their groups must be known not to be needed, for what took them back may be gone.
Task<void> Journal::free_released() {
    while (!released_.empty() && !failed_) {
        const size_t count = released_.size();
        // No file was filled since the start: what was found is overwritten in its own order.
        if (takes_notes()) {
            Result<void> noted = write_note();
            if (noted.code() == ErrorCode::no_space) break;
            if (noted) noted = co_await sync_files();
            if (!noted) {
                fail_with(noted.error());
                break;
            }
        }
        free_.insert(free_.end(), released_.begin(),
                     released_.begin() + static_cast<ptrdiff_t>(count));
        released_.erase(released_.begin(), released_.begin() + static_cast<ptrdiff_t>(count));
        room_made_.set();
    }
    freeing_ = false;
    room_made_.set();
}

}  // namespace millrace::storage
