#include "storage/journal_replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "protocol/record_batch.h"
#include "storage/batch_end.h"
#include "storage/checkpoint_files.h"
#include "storage/cold_reads.h"
#include "storage/file_names.h"
#include "storage/journal_format.h"

namespace millrace::storage {
namespace {

using runtime::Disk;
using runtime::File;
using runtime::OpenMode;
using runtime::Task;

// Larger than any that is made by the configuration.
constexpr uint64_t kJournalFileBytesMax = uint64_t{4} << 30;
constexpr size_t kMetadataBytesMax = 4096;

constexpr size_t kSectorBytes = kJournalAlignment;

struct FoundFile {
    std::string name;
    std::vector<uint8_t> bytes;
    JournalFileView view;
};

struct Piece {
    uint64_t position;
    ByteView batches;
    bool promised;
    uint64_t end() const { return position + batches.size(); }
};

// What the journal says of one partition, after what it took back.
struct PartitionPlan {
    Uuid topic_id;
    std::map<Offset, std::vector<Piece>> segments;
};
using Plan = std::map<std::string_view, PartitionPlan>;

void settle(PartitionPlan& plan, Offset base, uint64_t position) {
    plan.segments.erase(plan.segments.begin(), plan.segments.lower_bound(base));
    if (const auto at = plan.segments.find(base); at != plan.segments.end()) {
        std::erase_if(at->second, [&](const Piece& p) { return p.position < position; });
        if (at->second.empty()) plan.segments.erase(at);
    }
}

void take(Plan& plan, const JournalEntry& entry) {
    PartitionPlan& partition = plan[entry.directory];
    if (partition.topic_id != entry.topic_id) partition = {.topic_id = entry.topic_id};
    if (entry.kind == JournalEntryKind::settled)
        return settle(partition, entry.base, entry.position);
    auto& pieces = partition.segments[entry.base];
    // What comes later counts.
    while (!pieces.empty() && pieces.back().end() > entry.position) pieces.pop_back();
    uint64_t position = entry.position;
    for (ByteView left = entry.batches; !left.empty();) {
        const auto header = protocol::BatchHeaderView::parse(left);
        const size_t bytes = header ? std::min(header->size_bytes(), left.size()) : left.size();
        pieces.push_back({position, left.first(bytes), entry.promised});
        position += bytes;
        left = left.subspan(bytes);
    }
}

// Applies the plan of one partition. Lives in one call of replay_journal().
class Applier {
public:
    Applier(Disk& disk, std::string directory, JournalReplay& replay)
        : disk_(disk), directory_(std::move(directory)), replay_(replay) {}

    Task<Result<void>> apply(const PartitionPlan& plan);

private:
    Result<bool> is_of(const Uuid& topic_id);
    // A place that is known to lie between two batches.
    struct Boundary {
        uint64_t position;
        Offset next;  // the offset after the batch before it
    };

    Task<Result<bool>> apply_segment(Offset base, const std::vector<Piece>& pieces);
    Task<Result<std::shared_ptr<File>>> open_segment(Offset base, const Piece& first);
    Task<Result<bool>> apply_piece(File& file, const Piece& piece, uint64_t size);
    Task<Result<bool>> fits(File& file, const Piece& piece);
    // What stands in the file: as many of the bytes as it has.
    Task<Result<std::vector<uint8_t>>> present(File& file, uint64_t position, uint64_t bytes,
                                               uint64_t size);
    Task<Result<bool>> holds_another(File& file, const Piece& piece, uint64_t size);

    // The batches from this one on are not written.
    template <typename... T>
    bool left_out(fmt::format_string<T...> why, T&&... values) {
        replay_.problems.push_back(path_ + ": " + fmt::format(why, std::forward<T>(values)...));
        return false;
    }

    Disk& disk_;
    const std::string directory_;
    JournalReplay& replay_;
    std::set<Offset> bases_;  // of all segments
    // Of the segment that is being written:
    Offset base_ = 0;
    std::string path_;
    Boundary boundary_{};
};

// The directory is there, and of the same topic.
Result<bool> Applier::is_of(const Uuid& topic_id) {
    const auto info = disk_.info(directory_);
    if (info.code() == ErrorCode::not_found) return false;
    if (!info) return std::move(info).error();
    const std::string path = join_path(directory_, kPartitionMetadataName);
    const auto text = disk_.read_file(path, kMetadataBytesMax);
    if (text.code() == ErrorCode::not_found) return topic_id.is_zero();
    if (!text) return std::move(text).error();
    const auto id = parse_partition_metadata(*text);
    return id && *id == topic_id;
}

Task<Result<std::vector<uint8_t>>> Applier::present(File& file, uint64_t position, uint64_t bytes,
                                                    uint64_t size) {
    std::vector<uint8_t> found;
    if (size <= position) co_return found;
    found.resize(std::min(size - position, bytes));
    auto count = file.read_at_now(position, found);
    if (!count || *count < found.size()) count = co_await file.read_at(position, found);
    if (!count) co_return std::move(count).error();
    found.resize(*count);
    co_return found;
}

// Whether a sound batch that is not the piece's stands in its place. The checksum does not cover the
// offset, which may have been in a sector of its own that a loss of power took: what differs in its
// offset alone is the piece's.
Task<Result<bool>> Applier::holds_another(File& file, const Piece& piece, uint64_t size) {
    CO_TRY(const auto head,
           co_await present(file, piece.position, protocol::kBatchHeaderBytes, size));
    const auto header = protocol::BatchHeaderView::parse(head);
    const auto ours = protocol::BatchHeaderView::parse(piece.batches);
    if (!header || !ours) co_return false;
    if (header->base_offset() != ours->base_offset() && header->crc() == ours->crc())
        co_return false;
    CO_TRY(const auto bytes, co_await present(file, piece.position, header->size_bytes(), size));
    const auto batch = protocol::BatchView::parse(bytes);
    co_return batch && batch->verify_crc();
}

// Whether the piece belongs where it says. It does in what we wrote, but for what a loss of power
// took; not where another broker truncated or compacted the segment meanwhile, or rolled it.
Task<Result<bool>> Applier::fits(File& file, const Piece& piece) {
    const auto batch = protocol::BatchView::parse(piece.batches);
    if (!batch) co_return left_out("the journal's bytes at {} are no batch", piece.position);
    if (piece.position != boundary_.position) {
        CO_TRY(const auto next, co_await offset_behind(file, piece.position));
        if (!next)
            co_return left_out(
                "no batch ends at {}, so the journal's from there on are dropped (offset {})",
                piece.position, batch->base_offset());
        boundary_ = {piece.position, *next};
    }
    if (batch->base_offset() < boundary_.next)
        co_return left_out(
            "the offsets before {} go to {}, so the journal's batches there are dropped "
            "(offset {})",
            piece.position, boundary_.next - 1, batch->base_offset());
    const auto later = bases_.upper_bound(base_);
    if (later != bases_.end() && batch->next_offset() > *later)
        co_return left_out(
            "the next segment begins at offset {}, so the journal's batches at {} are dropped "
            "(offset {})",
            *later, piece.position, batch->base_offset());
    co_return true;
}

// False when neither this piece nor what comes behind may be written.
Task<Result<bool>> Applier::apply_piece(File& file, const Piece& piece, uint64_t size) {
    if (piece.position > size)
        co_return left_out("ends at {}, the batches at {} are dropped", size, piece.position);
    CO_TRY(const auto there, co_await present(file, piece.position, piece.batches.size(), size));
    if (!std::ranges::equal(ByteView{there}, piece.batches)) {
        if (!std::ranges::equal(ByteView{there}, piece.batches.first(there.size()))) {
            CO_TRY(const bool another, co_await holds_another(file, piece, size));
            if (another)
                co_return left_out("at {} are other batches than the journal's, they stay",
                                   piece.position);
        }
        CO_TRY(const bool fitting, co_await fits(file, piece));
        if (!fitting) co_return false;
        CO_TRY_OK(file.write_at(piece.position, {&piece.batches, 1}));
        replay_.bytes_written += piece.batches.size();
    }
    if (const auto header = protocol::BatchHeaderView::parse(piece.batches))
        boundary_ = {piece.end(), header->next_offset()};
    co_return true;
}

// Null when there is none and none is to be made: what `first` says then.
Task<Result<std::shared_ptr<File>>> Applier::open_segment(Offset base, const Piece& first) {
    using Opened = Result<std::shared_ptr<File>>;
    auto file = disk_.open(path_, OpenMode::write);
    if (file.code() != ErrorCode::not_found) co_return file;
    const Opened none = std::shared_ptr<File>{};
    const bool newest = bases_.empty() || *bases_.rbegin() < base;
    // Retention took it.
    if (!newest) co_return none;
    if (first.position != 0) {
        left_out("missing, the journal's batches from {} on are dropped", first.position);
        co_return none;
    }
    if (!bases_.empty()) {
        auto before =
            disk_.open(offset_file_path(directory_, *bases_.rbegin(), kLogSuffix), OpenMode::read);
        if (!before) co_return before;
        CO_TRY(const uint64_t size, (*before)->size());
        CO_TRY(const auto next, co_await offset_behind(**before, size));
        if (next && *next > base) {
            left_out("missing, and the segment before it goes on to offset {}: not made",
                     *next - 1);
            co_return none;
        }
    }
    bases_.insert(base);
    co_return disk_.open(path_, OpenMode::create);
}

// False when what comes behind must not be written.
Task<Result<bool>> Applier::apply_segment(Offset base, const std::vector<Piece>& pieces) {
    base_ = base;
    path_ = offset_file_path(directory_, base, kLogSuffix);
    boundary_ = {0, base};
    const size_t problems = replay_.problems.size();
    CO_TRY(const auto file, co_await open_segment(base, pieces.front()));
    if (!file) co_return replay_.problems.size() == problems;
    bool promised = false;
    bool all = true;
    for (const Piece& piece : pieces) {
        CO_TRY(const uint64_t size, file->size());
        CO_TRY(all, co_await apply_piece(*file, piece, size));
        if (!all) break;
        promised |= piece.promised;
    }
    if (promised) replay_.found.unsynced.push_back(path_);
    co_return all;
}

Task<Result<void>> Applier::apply(const PartitionPlan& plan) {
    if (plan.segments.empty()) co_return {};
    CO_TRY(const bool ours, is_of(plan.topic_id));
    if (!ours) co_return {};
    replay_.directories.insert(directory_.substr(directory_.rfind('/') + 1));
    CO_TRY(const auto names, disk_.list(directory_));
    for (const auto& entry : names)
        if (const auto name = parse_offset_file(entry.name);
            name && name->kind == kLogSuffix && name->mark.empty())
            bases_.insert(name->offset);
    const size_t before = replay_.found.unsynced.size();
    for (const auto& [base, pieces] : plan.segments) {
        CO_TRY(const bool go_on, co_await apply_segment(base, pieces));
        if (go_on) continue;
        replay_.dropped.push_back({directory_.substr(directory_.rfind('/') + 1), plan.topic_id});
        break;
    }
    if (replay_.found.unsynced.size() > before)
        replay_.found.unsynced.insert(
            replay_.found.unsynced.begin() + static_cast<ptrdiff_t>(before), directory_ + "/");
    co_return {};
}

void report_damage(const std::string& directory, const FoundFile& file, JournalReplay& replay) {
    for (const JournalDamage& damage : file.view.damage)
        replay.problems.push_back(
            fmt::format("{}: no sound group in the {} bytes at {}, {} groups are lost",
                        join_path(directory, file.name), damage.bytes, damage.position,
                        damage.groups == 0 ? std::string{"an unknown number of"}
                                           : std::to_string(damage.groups)));
    const ByteView bytes{file.bytes};
    if (file.view.groups.empty() && !file.view.torn &&
        std::ranges::any_of(bytes.first(std::min(bytes.size(), kSectorBytes)),
                            [](uint8_t byte) { return byte != 0; }))
        replay.problems.push_back(fmt::format("{}: no sound group in the {} bytes at 0",
                                              join_path(directory, file.name), bytes.size()));
}

// Groups `from` to `to` come behind the last one of `file`, and are not there.
std::string missing(const std::string& directory, const FoundFile& file, uint64_t from,
                    uint64_t to) {
    return fmt::format("{}: groups {} to {} are missing, they began at {}",
                       join_path(directory, file.name), from, to, file.view.end);
}

// What was being written when the journal ended.
void report_torn(const std::string& directory, const std::vector<FoundFile>& files,
                 JournalReplay& replay) {
    for (const FoundFile& file : files)
        if (file.view.torn && (replay.found.next_sequence == 0 ||
                               file.view.torn->sequence == replay.found.next_sequence))
            replay.problems.push_back(fmt::format(
                "{}: the last group is not whole, the {} bytes at {} are left out",
                join_path(directory, file.name), file.bytes.size() - file.view.torn->position,
                file.view.torn->position));
}

}  // namespace

bool is_journal_file(std::string_view name) {
    if (!name.starts_with(kJournalPrefix) || name.size() == kJournalPrefix.size()) return false;
    return std::ranges::all_of(name.substr(kJournalPrefix.size()),
                               [](char c) { return c >= '0' && c <= '9'; });
}

Task<Result<JournalReplay>> replay_journal(Disk& disk, std::string log_directory,
                                           const std::vector<runtime::DirEntry>& names) {
    JournalReplay replay;
    std::vector<FoundFile> files;
    for (const auto& entry : names) {
        if (entry.is_directory || !is_journal_file(entry.name)) continue;
        auto bytes =
            co_await read_whole(disk, join_path(log_directory, entry.name), kJournalFileBytesMax);
        if (!bytes) co_return std::move(bytes).error();
        files.push_back({.name = entry.name, .bytes = *std::move(bytes), .view = {}});
        files.back().view = scan_journal_file(files.back().bytes);
        report_damage(log_directory, files.back(), replay);
    }
    std::ranges::sort(files, {}, [](const FoundFile& file) {
        return file.view.groups.empty() ? 0 : file.view.groups.front().sequence;
    });
    struct Group {
        const JournalGroupView* view;
        const FoundFile* file;
    };
    std::vector<Group> groups;
    uint64_t needed_from = 0;
    for (const FoundFile& file : files) {
        replay.found.files.push_back({join_path(log_directory, file.name), 0});
        for (const JournalGroupView& group : file.view.groups) {
            groups.push_back({&group, &file});
            needed_from = std::max(needed_from, group.needed_from);
        }
    }
    std::erase_if(groups, [&](const Group& group) { return group.view->sequence < needed_from; });
    // A file in use again may still have groups of its last use behind the new ones' damage.
    std::ranges::sort(groups, {}, [](const Group& group) { return group.view->sequence; });
    Plan plan;
    const FoundFile* before = nullptr;
    for (const auto& [group, file] : groups) {
        // Inside of one file it was reported already.
        if (before && before != file && group->sequence != replay.found.next_sequence)
            replay.problems.push_back(
                missing(log_directory, *before, replay.found.next_sequence, group->sequence - 1));
        before = file;
        replay.found.next_sequence = group->sequence + 1;
        ++replay.groups;
        replay.entries += group->entries.size();
        for (const JournalEntry& entry : group->entries) take(plan, entry);
    }
    report_torn(log_directory, files, replay);
    for (const auto& [name, partition] : plan) {
        // Only our own names: nothing in a damaged journal leads out of the directory.
        if (name.empty() || name.contains('/') || name.starts_with('.')) continue;
        Applier applier(disk, join_path(log_directory, name), replay);
        CO_TRY_OK(co_await applier.apply(partition));
    }
    co_return replay;
}

}  // namespace millrace::storage
