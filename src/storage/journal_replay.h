// What a start does with the journal that the last run left behind: its entries are written to
// their segments, in order; then the logs are what they were, and recovery goes on as without it.
//
// Replay may be done again, also after appends of a later run: an entry whose bytes are in place
// already changes nothing. It never writes over a sound batch that is another one (then somebody
// else, such as Apache Kafka, appended there), never leaves a hole (an entry that lies behind the
// end of its segment is dropped), and makes no partition or old segment that is gone. What is
// written goes between two batches: a sound one with lower offsets ends there, and the next segment
// has higher ones; after another broker truncated, compacted or rolled the log that may be so no
// longer. What it could not use is reported by the name and position of the file, and the offset.
//
// Memory: the whole journal at once (JournalLimits::bytes). Errors: kafka_storage_error when a file
// cannot be read or written: then nothing may be opened.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/disk.h"
#include "runtime/task.h"
#include "storage/journal.h"

namespace millrace::storage {

struct JournalReplay {
    JournalFound found;
    uint64_t groups = 0;
    uint64_t entries = 0;
    uint64_t bytes_written = 0;         // that were not in their segments yet
    std::set<std::string> directories;  // of the partitions that entries were found for
    std::vector<std::string> problems;  // a sentence each
    // Partitions of which entries were dropped: these must be taken back (Journal::take_back) before
    // anything is appended, else a later replay meets them again in front of what is new.
    std::vector<JournalFound::Partition> dropped;
};

// Whether `name` is one of a journal's files.
bool is_journal_file(std::string_view name);

// `names`: what is in the log directory.
runtime::Task<Result<JournalReplay>> replay_journal(runtime::Disk& disk, std::string log_directory,
                                                    const std::vector<runtime::DirEntry>& names);

}  // namespace millrace::storage
