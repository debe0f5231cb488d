// The journal of one log directory: one sequential write for all small appends of a loop turn, one
// sync for all of them that ask for it.
//
//   append -> memory (the Tail) and the group being gathered
//   end of the turn: the group goes out in one write -> its appends are readable, and acked
//   with a promise:  and one sync, off the loop      -> the same, after it
//   later:           drain() of each log writes what waits to its segment, in large pieces
//
// A group is written when everything that was ready in this turn has run; with promises only, while
// two syncs are under way, once one has ended (so groups grow with the load). The journal is a few
// files of fixed size, `.millrace-journal-<n>` in the log directory, filled one after the other and
// used again once no log needs what is in them: drained, and for promised bytes the segment synced.
// A clean stop removes them. What a start does with them: journal_replay.h; the bytes:
// journal_format.h.
//
// Owner: LogManager, one for each log directory. Loop: the shard's. Outlives its clients' appends.
// Bounds: JournalLimits.
// Errors: after a failed write or sync the directory is out of use: failed() says why, and every
// client gives up; nothing of the group is acked. A full disk is no failure: the group's logs are
// drained (and synced) instead; what cannot be drained waits in memory and files, and admit()
// refuses once the limits are reached, until there is room again.
// Apache Kafka has nothing like it; docs/decisions/0003-journal.md says why we do.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/disk.h"
#include "runtime/event.h"
#include "runtime/scope.h"
#include "storage/journal_format.h"

namespace millrace::storage {

inline constexpr std::string_view kJournalPrefix = ".millrace-journal-";
// Appends of more bytes than this go straight to their segment; with a promise, those above the
// second.
inline constexpr size_t kDirectBytesMin = 32 << 10;
inline constexpr size_t kPromisedBytesMax = 512 << 10;

struct JournalLimits {
    uint64_t bytes = 0;  // of all files together; 0 = no journal
    uint64_t undrained_bytes_max = 32u << 20;
};

// What a group's completion tells a log. Shared with the groups, so that the log may go.
struct LogProgress {
    Offset written = 0;  // below, the end of the process takes nothing
    Offset flushed = 0;  // below, a loss of power takes nothing
};

class JournalClient;

struct JournalGroup {
    // With room for so much, before it has to grow.
    JournalGroup(size_t bytes_expected, size_t parts_expected) : bytes(bytes_expected) {
        parts.reserve(parts_expected);
    }

    struct Part {
        JournalClient* client;  // null: the log has gone
        std::shared_ptr<LogProgress> progress;
        Offset end;
        bool promised;       // and all bytes from `flushed` to `end` are in the journal
        bool counts = true;  // false: an earlier part of the same log is in no group
    };
    JournalGroupBuilder bytes;
    std::vector<Part> parts;
    bool wants_sync = false;
    runtime::Event done;  // then `result` is set
    Result<void> result;
};

// A log, as its journal sees it.
class JournalClient {
public:
    JournalClient() = default;
    JournalClient(const JournalClient&) = delete;
    virtual ~JournalClient() = default;
    // Writes what waits to the segment.
    virtual Result<void> drain() = 0;
    // drain(), and syncs the segments.
    virtual runtime::Task<Result<void>> flush_all() = 0;
    // Until the segments are synced, a sync of the journal makes nothing durable that comes now.
    virtual void needs_sync() = 0;

private:
    friend class Journal;
    using Uses = std::multimap<uint64_t, JournalClient*>;
    uint64_t undrained_bytes_ = 0;
    int64_t undrained_since_ = 0;
    std::optional<Uses::iterator> undrained_;
    std::optional<Uses::iterator> unsynced_;
    uint64_t promises_ = 0;  // counted, so that a flush sees whether more came meanwhile
};

// What a replay found: where the journal goes on.
struct JournalFound {
    struct File {
        std::string path;
        uint64_t number;
    };
    struct Partition {
        std::string directory;
        Uuid topic_id;
    };
    std::vector<File> files;            // oldest first
    uint64_t next_sequence = 0;         // 0: nothing was found
    std::vector<std::string> unsynced;  // files and directories to sync before the files may go
};

class Journal {
public:
    Journal(runtime::Disk& disk, runtime::Loop& loop, std::string directory, JournalLimits limits,
            JournalFound found);
    ~Journal();
    Journal(const Journal&) = delete;

    // Makes room in memory for `bytes` that will wait, by draining others if need be. Errors:
    // kafka_storage_error: it is full, and they cannot be drained.
    Result<void> admit(size_t bytes);
    // Puts the entry into the group being gathered. The bytes are copied; the client keeps its own
    // until drain(). `end`: the log end with them. With entry.promised it is done only after a sync;
    // all bytes of the log from progress.flushed on must then be in the journal.
    std::shared_ptr<JournalGroup> add(JournalClient& client, const JournalEntry& entry,
                                      std::shared_ptr<LogProgress> progress, Offset end);
    // As add(), with an entry that takes no place and is synced.
    std::shared_ptr<JournalGroup> add_settled(const JournalEntry& entry);
    // None of the found entries of these partitions count any more: what was written of them is
    // synced first.
    runtime::Task<Result<void>> take_back(std::vector<JournalFound::Partition> partitions);
    // No file of this journal can hold anything of any log.
    bool untouched() const { return files_.empty() && gathered_.empty() && !writing_; }
    // A group is being gathered: one more entry in it costs no write.
    bool gathering() const { return !gathered_.empty(); }

    // The client has nothing that waits any more.
    void drained(JournalClient& client);
    // Before and after the client's segments were synced.
    struct Flush {
        uint64_t promises;
        uint64_t file;
    };
    Flush begin_flush(const JournalClient& client) const;
    void end_flush(JournalClient& client, Flush begun);
    // The client goes, with what waits.
    void forget(JournalClient& client);
    // The disk failed under one of the directory's logs, in a way that leaves unknown what it
    // holds.
    void fail_with(Error cause);
    const std::optional<Error>& failed() const { return failed_; }

    // Ends all work under way, where it stands: before the clients go.
    void abandon() { scope_.reset(); }
    // Drains what has waited for long, and makes room. About once a second.
    runtime::Task<void> maintain(int64_t now_ms);
    // Everything was drained and synced: the files go. Errors: what still waits.
    runtime::Task<Result<void>> close();

    uint64_t undrained_bytes() const { return undrained_bytes_; }
    size_t logs_undrained() const { return undrained_.size(); }
    size_t files_in_use() const { return used_.size(); }
    uint64_t groups_written() const { return groups_written_; }
    uint64_t syncs_done() const { return syncs_done_; }
    uint64_t entries_added() const { return entries_added_; }

private:
    // More than one, so that a slow sync, or the way to its thread and back, holds up only those
    // whose bytes it has; with more the groups get small.
    static constexpr size_t kSyncsMax = 2;
    // Kept at the end of each file, so that even a full one can take the note that frees another.
    static constexpr size_t kNoteBytes = kJournalAlignment;
    using Group = std::shared_ptr<JournalGroup>;
    struct File {
        std::string path;
        uint64_t number = 0;          // of its present use
        uint64_t first_sequence = 0;  // of its present use; 0: from before the start
        std::shared_ptr<runtime::File> file;
        std::array<std::shared_ptr<runtime::File>, kSyncsMax> synced_by;  // opened when needed
        bool dirty = false;  // written since sync_files() began to sync it
    };

    Group& open_group(size_t bytes);
    bool must_gather() const;
    void start_writing();
    runtime::Task<void> write_groups();
    runtime::Task<void> write_group(Group group);
    runtime::Task<Result<void>> next_file();
    Result<File*> make_file();
    void start_preparing();
    runtime::Task<void> prepare_file();
    runtime::Task<void> write_around(Group group);
    void leave_out(JournalClient& client);
    runtime::Task<void> sync_groups(size_t which);
    runtime::Task<Result<void>> sync_written(size_t which);
    runtime::Task<Result<void>> sync_files();
    void finish(JournalGroup& group, Result<void> result);
    void release_files();
    runtime::Task<void> free_released();
    Result<void> write_note();
    bool takes_notes() const;
    uint64_t needed_from() const;
    runtime::Task<void> make_room();
    runtime::Task<Result<void>> drain_and_sync();
    // Memory is taken in pieces.
    uint64_t held_bytes() const { return undrained_bytes_ + undrained_.size() * 1024; }
    uint64_t file_number() const { return used_.empty() ? 0 : used_.back()->number; }
    runtime::Task<Result<void>> sync_found();
    void start_making_room();

    runtime::Disk& disk_;
    runtime::Loop& loop_;
    const std::string directory_;
    const JournalLimits limits_;
    const size_t file_bytes_;
    const size_t files_max_;
    std::optional<Error> failed_;

    // A full disk kept a log from being drained after the journal had no room either.
    bool no_room_ = false;

    std::deque<Group> gathered_;
    Group current_;           // is being written
    size_t usual_bytes_ = 0;  // of the last group; the next is likely to be as large
    size_t usual_parts_ = 0;
    bool writing_ = false;
    bool making_room_ = false;
    std::array<bool, kSyncsMax> syncing_{};  // these sync_groups() run
    size_t syncs_under_way_ = 0;
    std::vector<Group> unsynced_groups_;
    runtime::AsyncMutex syncing_files_;
    runtime::Event room_made_;

    std::vector<std::unique_ptr<File>> files_;
    std::deque<File*> used_;  // oldest first; the last one is being filled, if `filling_`
    // Nothing in them is needed any more, but only a durable group that says so frees them.
    std::deque<File*> released_;
    std::deque<File*> free_;  // oldest first, so that what lies on the disk has no gap
    bool freeing_ = false;
    bool preparing_ = false;
    bool cannot_prepare_ = false;
    bool closing_ = false;
    bool filling_ = false;
    uint64_t position_ = 0;
    uint64_t next_number_ = 1;
    uint64_t next_sequence_ = 0;
    bool name_unsynced_ = false;
    std::vector<std::string> found_unsynced_;

    JournalClient::Uses undrained_;  // by the file that was being filled when they began to wait
    JournalClient::Uses unsynced_;
    uint64_t undrained_bytes_ = 0;
    uint64_t groups_written_ = 0;
    uint64_t syncs_done_ = 0;
    uint64_t entries_added_ = 0;
    std::optional<runtime::DroppingScope> scope_;
};

}  // namespace millrace::storage
