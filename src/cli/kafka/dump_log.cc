// kafka-dump-log: what lies in segments, indexes, snapshots.
#include <limits>

#include "cli/dump/index_files.h"
#include "cli/dump/record_text.h"
#include "cli/dump/segment_walk.h"
#include "cli/kafka/misuse.h"
#include "raft/snapshot_file.h"
#include "storage/file_names.h"

namespace millrace::cli::kafka {
namespace {

constexpr auto kOptions = std::to_array<Option>({
    {"files", Takes::value, "file,file,...", "The files to read; required."},
    {"print-data-log", Takes::nothing, "", "Show the records' keys and values."},
    {"deep-iteration", Takes::nothing, "", "Show the records, not only the batches."},
    {"max-bytes", Takes::value, "bytes", "Read only this much of each log."},
    {"max-message-size", Takes::value, "bytes", "How far a batch may reach, for index checks."},
    {"index-sanity-check", Takes::nothing, "", "Only tell whether indexes are sound."},
    {"verify-index-only", Takes::nothing, "", "Compare indexes with their log, show nothing else."},
    {"cluster-metadata-decoder", Takes::nothing, "", "The records are of the metadata log."},
    {"offsets-decoder", Takes::nothing, "", "The records are of __consumer_offsets."},
    {"transaction-log-decoder", Takes::nothing, "", "The records are of __transaction_state."},
    {"share-group-state-decoder", Takes::nothing, "", "The records are of __share_group_state."},
    {"skip-record-metadata", Takes::nothing, "", "Show nothing of a record but its content."},
    kHelp,
    kVersion,
});

struct Wanted {
    Decoder decoder = Decoder::text;
    bool contents = false;
    bool deep = false;
    bool skip_record_metadata = false;
    bool sanity_only = false;
    bool verify_only = false;
    uint64_t bytes_max = std::numeric_limits<int32_t>::max();
    uint64_t message_bytes_max = 5 << 20;
};

struct Problems {
    std::vector<std::pair<std::string, std::string>> found;  // file, sentence
    void add(const std::string& file, std::string sentence) {
        found.emplace_back(file, std::move(sentence));
    }
};

std::string optional_long(std::optional<int64_t> n) {
    return n ? fmt::format("OptionalLong[{}]", *n) : "OptionalLong.empty";
}

std::string_view timestamp_type_name(protocol::TimestampType type) {
    return type == protocol::TimestampType::create_time ? "CreateTime" : "LogAppendTime";
}

Result<std::string> batch_line(protocol::BatchView batch, uint64_t position) {
    TRY(const protocol::Codec codec, batch.codec());
    return fmt::format(
        "baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} producerId: {} "
        "producerEpoch: {} partitionLeaderEpoch: {} isTransactional: {} isControl: {} "
        "deleteHorizonMs: {} position: {} {}: {} size: {} magic: {} compresscodec: {} crc: {} "
        "isvalid: {}",
        batch.base_offset(), batch.last_offset(), batch.record_count(), batch.base_sequence(),
        batch.last_sequence(), batch.producer_id(), batch.producer_epoch(), batch.leader_epoch(),
        batch.is_transactional(), batch.is_control(), optional_long(batch.delete_horizon()),
        position, timestamp_type_name(batch.timestamp_type()), batch.max_timestamp(),
        batch.size_bytes(), batch.magic(), protocol::codec_name(codec), batch.crc(),
        batch.verify_crc());
}

// On an error `line` has what comes before the part that cannot be read.
Result<void> write_record_line(protocol::BatchView batch, const protocol::RecordView& record,
                               const Wanted& wanted, std::string& line) {
    if (!wanted.skip_record_metadata) {
        std::string names;
        for (const protocol::RecordHeader& header : record.headers)
            names += fmt::format("{}{}", names.empty() ? "" : ",", header.key);
        const auto size = [](const std::optional<ByteView>& bytes) {
            return bytes ? static_cast<int64_t>(bytes->size()) : -1;
        };
        line = fmt::format(
            "| offset: {} {}: {} keySize: {} valueSize: {} sequence: {} headerKeys: "
            "[{}]",
            record.offset, timestamp_type_name(batch.timestamp_type()), record.timestamp,
            size(record.key), size(record.value), record.sequence, names);
        if (batch.is_control()) {
            TRY(const std::string control, control_text(record));
            line += control;
        }
    }
    if (!wanted.contents || batch.is_control()) return {};
    TRY(const RecordText text, record_text(wanted.decoder, record));
    if (line.empty()) line = "|";
    if (text.key) line += fmt::format(" key: {}", *text.key);
    if (text.payload) line += fmt::format(" payload: {}", *text.payload);
    return {};
}

Result<void> print_log_heading(const Console& console, const std::string& path) {
    const std::string name = path.substr(path.find_last_of('/') + 1);
    if (name.ends_with(storage::kLogSuffix)) {
        TRY(const Offset start, base_offset_of(path));
        console.line(fmt::format("Log starting offset: {}", start));
    } else if (name == raft::kBootstrapName) {
        console.line("KRaft bootstrap snapshot");
    } else {
        const auto id = raft::parse_snapshot_file_name(name);
        if (!id) return fail(ErrorCode::invalid_request, "No value present");
        console.line(fmt::format("Snapshot end offset: {}, epoch: {}", id->end_offset, id->epoch));
    }
    return {};
}

Result<void> dump_batches(const Console& console, LocalDisk& local, const std::string& path,
                          const Wanted& wanted, Problems& problems) {
    TRY_OK(print_log_heading(console, path));
    TRY(BatchFile file, BatchFile::open(local, path));
    std::vector<uint8_t> scratch;
    Offset last = -1;
    const auto on_record = [&](protocol::BatchView batch,
                               const protocol::RecordView& record) -> Result<void> {
        if (last != -1 && record.offset != last + 1)
            problems.add(path, fmt::format("  {} is followed by {}", last, record.offset));
        last = record.offset;
        std::string line;
        auto written = write_record_line(batch, record, wanted, line);
        console.print(line);
        if (written) console.print("\n");
        return written;
    };
    const auto on_batch = [&](protocol::BatchView batch, uint64_t position) -> Result<void> {
        TRY(const std::string line, batch_line(batch, position));
        console.line(line);
        if (!wanted.deep) return {};
        return protocol::for_each_record(
            batch, scratch, [&](const protocol::RecordView& r) { return on_record(batch, r); });
    };
    TRY(const uint64_t read, walk_batches(file, wanted.bytes_max, on_batch));
    if (read < file.size() && wanted.bytes_max == std::numeric_limits<int32_t>::max())
        console.line(fmt::format("Found {} invalid bytes at the end of {}", file.size() - read,
                                 path.substr(path.find_last_of('/') + 1)));
    return {};
}

std::string log_of(const std::string& path) {
    const size_t name = path.find_last_of('/') + 1;
    return path.substr(0, path.find('.', name)) + std::string{storage::kLogSuffix};
}

// What an index's sanity check finds, as Kafka's does at the start of a broker.
template <typename Entry>
bool is_sane(const IndexFile<Entry>& index) {
    if (index.entries.empty()) return true;
    return index.entries.back().offset >= 0;
}

Result<void> dump_offset_index(const Console& console, LocalDisk& local, const std::string& path,
                               const Wanted& wanted, Problems& problems) {
    TRY_OK(base_offset_of(path));
    TRY(BatchFile log, BatchFile::open(local, log_of(path)));
    TRY(const auto index, read_offset_index(local, path));
    if (index.file_entries == 0) {
        console.line(fmt::format("{} is empty.", path));
        return {};
    }
    if (wanted.sanity_only) {
        if (!is_sane(index))
            return fail(
                ErrorCode::corrupt_message,
                fmt::format("Index {} is corrupt: its last offset is below its base", path));
        console.line(fmt::format("{} passed sanity check.", path));
        return {};
    }
    for (const storage::IndexEntry& entry : index.entries) {
        const Offset offset = index.base_offset + entry.offset;
        const auto position = static_cast<uint64_t>(std::max(entry.position, 0));
        TRY(const auto batch, log.batch_at(position, position + wanted.message_bytes_max));
        if (!batch)
            return fail(ErrorCode::corrupt_message,
                        fmt::format("there is no batch at position {} of the log", position));
        if (batch->last_offset() != offset)
            problems.add(path, fmt::format("  Index offset: {}, log offset: {}", offset,
                                           batch->last_offset()));
        if (!wanted.verify_only)
            console.line(fmt::format("offset: {} position: {}", offset, entry.position));
    }
    return {};
}

// Compares one entry with the batch of the log that ends at its offset.
Result<void> check_time_entry(BatchFile& log, uint64_t position, Offset offset,
                              TimestampMs timestamp, TimestampMs previous, const std::string& path,
                              Problems& problems) {
    std::vector<uint8_t> scratch;
    while (true) {
        TRY(const auto batch, log.batch_at(position, log.size()));
        if (!batch || (batch->last_offset() > offset)) {
            problems.add(path, fmt::format("Indexed offset: {}, found log offset: {}", offset,
                                           batch ? batch->last_offset() : -1));
            return {};
        }
        if (batch->last_offset() < offset) {
            position += batch->size_bytes();
            continue;
        }
        TimestampMs newest = -1;
        TRY_OK(protocol::for_each_record(*batch, scratch, [&](const protocol::RecordView& r) {
            newest = std::max(newest, r.timestamp);
        }));
        if (newest != timestamp)
            problems.add(
                path, fmt::format("  Index timestamp: {}, log timestamp: {}", timestamp, newest));
        if (previous >= timestamp)
            problems.add(path, fmt::format("  Index timestamp: {}, Previously indexed timestamp: "
                                           "{}",
                                           timestamp, previous));
        return {};
    }
}

uint64_t position_before(const IndexFile<storage::IndexEntry>& index, int32_t relative) {
    uint64_t position = 0;
    for (const storage::IndexEntry& entry : index.entries)
        if (entry.offset <= relative) position = static_cast<uint64_t>(std::max(entry.position, 0));
    return position;
}

Result<void> dump_time_index(const Console& console, LocalDisk& local, const std::string& path,
                             const Wanted& wanted, Problems& problems) {
    TRY_OK(base_offset_of(path));
    const std::string log_path = log_of(path);
    TRY(BatchFile log, BatchFile::open(local, log_path));
    TRY(const auto offsets, read_offset_index(local, log_path.substr(0, log_path.size() - 4) +
                                                         std::string{storage::kIndexSuffix}));
    TRY(const auto index, read_time_index(local, path));
    if (wanted.sanity_only) {
        if (!is_sane(index))
            return fail(
                ErrorCode::corrupt_message,
                fmt::format("Time index {} is corrupt: its last offset is below its base", path));
        console.line(fmt::format("{} passed sanity check.", path));
        return {};
    }
    TimestampMs previous = -1;
    for (const storage::TimeEntry& entry : index.entries) {
        const Offset offset = index.base_offset + entry.offset;
        TRY_OK(check_time_entry(log, position_before(offsets, entry.offset), offset,
                                entry.timestamp, previous, path, problems));
        if (!wanted.verify_only)
            console.line(fmt::format("timestamp: {} offset: {}", entry.timestamp, offset));
        previous = entry.timestamp;
    }
    return {};
}

Result<void> dump_txn_index(const Console& console, LocalDisk& local, const std::string& path) {
    TRY(const auto entries, read_txn_index(local, path));
    for (const storage::AbortEntry& entry : entries)
        console.line(fmt::format(
            "version: 0 producerId: {} firstOffset: {} lastOffset: {} "
            "lastStableOffset: {}",
            entry.producer_id, entry.first_offset, entry.last_offset, entry.last_stable_offset));
    return {};
}

Result<void> dump_producers(const Console& console, LocalDisk& local, const std::string& path) {
    TRY(const std::string content, local.read_all(path));
    const auto snapshot = read_producer_snapshot(as_bytes(content));
    if (!snapshot) {
        console.error_line(snapshot.error().message);
        return {};
    }
    for (const auto& p : snapshot->producer_entries) {
        const auto open = p.current_txn_first_offset < 0
                              ? std::nullopt
                              : std::optional<int64_t>{p.current_txn_first_offset};
        std::string line = fmt::format(
            "producerId: {} producerEpoch: {} coordinatorEpoch: {} currentTxnFirstOffset: {} "
            "lastTimestamp: {}",
            p.producer_id, p.epoch, p.coordinator_epoch, optional_long(open), p.timestamp);
        if (p.last_offset >= 0) {
            // Sequences wrap from 2^31-1 to 0.
            const int64_t first = int64_t{p.last_sequence} - p.offset_delta;
            line += fmt::format(
                " firstSequence: {} lastSequence: {} lastOffset: {} offsetDelta: {} "
                "timestamp: {}",
                first >= 0 ? first : first + (int64_t{1} << 31), p.last_sequence, p.last_offset,
                p.offset_delta, p.timestamp);
        }
        console.line(line);
    }
    return {};
}

Result<void> dump_file(const Console& console, LocalDisk& local, const std::string& path,
                       const Wanted& wanted, Problems& problems) {
    console.line(fmt::format("Dumping {}", path));
    const std::string name = path.substr(path.find_last_of('/') + 1);
    const std::string suffix =
        name.find('.') == std::string::npos ? "" : name.substr(name.find_last_of('.'));
    if (suffix == storage::kLogSuffix || suffix == ".checkpoint")
        return dump_batches(console, local, path, wanted, problems);
    if (suffix == storage::kIndexSuffix)
        return dump_offset_index(console, local, path, wanted, problems);
    if (suffix == storage::kTimeIndexSuffix)
        return dump_time_index(console, local, path, wanted, problems);
    if (suffix == storage::kTxnIndexSuffix) return dump_txn_index(console, local, path);
    if (suffix == storage::kSnapshotSuffix) return dump_producers(console, local, path);
    std::fflush(console.out);
    console.error_line(fmt::format("Ignoring unknown file {}", path));
    return {};
}

Result<Wanted> read_wanted(const Arguments& arguments) {
    Wanted out;
    const std::pair<std::string_view, Decoder> decoders[] = {
        {"offsets-decoder", Decoder::offsets},
        {"transaction-log-decoder", Decoder::transactions},
        {"cluster-metadata-decoder", Decoder::metadata},
        {"share-group-state-decoder", Decoder::share_state}};
    out.contents = arguments.has("print-data-log");
    for (const auto& [name, decoder] : decoders)
        if (arguments.has(name)) {
            if (out.decoder == Decoder::text) out.decoder = decoder;
            out.contents = true;
        }
    out.deep = arguments.has("deep-iteration") || out.contents;
    out.skip_record_metadata = arguments.has("skip-record-metadata");
    out.sanity_only = arguments.has("index-sanity-check");
    out.verify_only = arguments.has("verify-index-only");
    TRY(const auto bytes_max, arguments.number("max-bytes"));
    TRY(const auto message_max, arguments.number("max-message-size"));
    if (bytes_max) out.bytes_max = static_cast<uint64_t>(std::max(*bytes_max, 0));
    if (message_max) out.message_bytes_max = static_cast<uint64_t>(std::max(*message_max, 0));
    return out;
}

}  // namespace

int dump_log(const Console& console, const Words& words) {
    const auto failed = [&](const Error& error) {
        std::fflush(console.out);
        console.error_line(sentence(error));
        return kFailed;
    };
    const auto arguments = Arguments::parse(kOptions, words);
    if (!arguments) return failed(arguments.error());
    if (const auto ended = help_or_version(
            console, words, *arguments,
            "Shows what lies in log segments, indexes and snapshots, as text.", kOptions))
        return *ended;
    if (const auto missing = missing_argument(*arguments, {"files"}))
        return misused(console, *missing, kOptions);
    const auto wanted = read_wanted(*arguments);
    const auto files = arguments->value("files");
    if (!files) return failed(files.error());
    LocalDisk local;
    Problems problems;
    std::string_view left = **files;
    while (!left.empty()) {
        const size_t comma = left.find(',');
        const std::string path{left.substr(0, comma)};
        left.remove_prefix(comma == std::string_view::npos ? left.size() : comma + 1);
        if (!wanted) {
            console.line(fmt::format("Dumping {}", path));
            return failed(wanted.error());
        }
        if (const auto done = dump_file(console, local, path, *wanted, problems); !done)
            return failed(done.error());
    }
    std::fflush(console.out);
    std::string file;
    for (const auto& [name, sentence] : problems.found) {
        if (name != file) console.error_line(fmt::format("Mismatches in :{}", name));
        file = name;
        console.error_line(sentence);
    }
    return kDone;
}

}  // namespace millrace::cli::kafka
