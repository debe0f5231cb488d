// `millrace dump`
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/dump/index_files.h"
#include "cli/dump/record_text.h"
#include "cli/dump/segment_walk.h"
#include "cli/native.h"
#include "storage/file_names.h"

namespace millrace::cli {
namespace {

struct DumpOptions {
    std::vector<std::string> files;
    bool records = false;
    bool json = false;
};

std::string name_of(const std::string& path) {
    return path.substr(path.find_last_of('/') + 1);
}

// By where the file lies, so that nobody has to say what is in it.
Decoder decoder_of(const std::string& path) {
    const std::string directory = path.substr(0, path.find_last_of('/') + 1);
    if (directory.contains("__cluster_metadata-") || path.ends_with(".checkpoint"))
        return Decoder::metadata;
    if (directory.contains("__consumer_offsets-")) return Decoder::offsets;
    if (directory.contains("__transaction_state-")) return Decoder::transactions;
    if (directory.contains("__share_group_state-")) return Decoder::share_state;
    return Decoder::text;
}

template <typename T>
Value maybe(const std::optional<T>& value) {
    return value ? Value{*value} : Value{};
}

Result<Table> batches(LocalDisk& local, const std::string& path, bool* sound) {
    TRY(BatchFile file, BatchFile::open(local, path));
    Table table{{"offset", "last", "records", "bytes", "position", "timestamp_ms", "codec", "epoch",
                 "producer", "flags", "crc"}};
    TRY(const uint64_t end,
        walk_batches(
            file, UINT64_MAX, [&](protocol::BatchView b, uint64_t position) -> Result<void> {
                TRY(const protocol::Codec codec, b.codec());
                std::string flags;
                if (b.is_transactional()) flags += "transactional ";
                if (b.is_control()) flags += "control ";
                if (!flags.empty()) flags.pop_back();
                const bool right = b.verify_crc();
                *sound = *sound && right;
                table.add({b.base_offset(), b.last_offset(), b.record_count(), b.size_bytes(),
                           position, b.max_timestamp(), protocol::codec_name(codec),
                           b.leader_epoch(), b.has_producer_id() ? Value{b.producer_id()} : Value{},
                           flags.empty() ? Value{} : Value{flags}, right ? "ok" : "WRONG"});
                return {};
            }));
    if (end < file.size()) {
        *sound = false;
        table.add({Value{}, Value{}, Value{}, file.size() - end, end, Value{}, Value{}, Value{},
                   Value{}, "no whole batch", Value{}});
    }
    return table;
}

Result<Table> records(LocalDisk& local, const std::string& path) {
    TRY(BatchFile file, BatchFile::open(local, path));
    Table table{{"offset", "timestamp_ms", "key", "value"}};
    std::vector<uint8_t> scratch;
    TRY_OK(walk_batches(file, UINT64_MAX, [&](protocol::BatchView b, uint64_t) -> Result<void> {
        return protocol::for_each_record(
            b, scratch, [&](const protocol::RecordView& record) -> Result<void> {
                if (b.is_control()) {
                    TRY(const std::string text, control_text(record));
                    table.add({record.offset, record.timestamp, Value{}, text.substr(1)});
                    return {};
                }
                TRY(const RecordText text, record_text(decoder_of(path), record));
                table.add({record.offset, record.timestamp, maybe(text.key), maybe(text.payload)});
                return {};
            });
    }));
    return table;
}

Result<Table> small_file(LocalDisk& local, const std::string& path) {
    const std::string name = name_of(path);
    if (name.ends_with(storage::kIndexSuffix)) {
        TRY(const auto index, read_offset_index(local, path));
        Table table{{"offset", "position"}};
        for (const auto& entry : index.entries)
            table.add({index.base_offset + entry.offset, entry.position});
        return table;
    }
    if (name.ends_with(storage::kTimeIndexSuffix)) {
        TRY(const auto index, read_time_index(local, path));
        Table table{{"timestamp_ms", "offset"}};
        for (const auto& entry : index.entries)
            table.add({entry.timestamp, index.base_offset + entry.offset});
        return table;
    }
    if (name.ends_with(storage::kTxnIndexSuffix)) {
        TRY(const auto entries, read_txn_index(local, path));
        Table table{{"producer", "first_offset", "last_offset", "last_stable_offset"}};
        for (const auto& e : entries)
            table.add({e.producer_id, e.first_offset, e.last_offset, e.last_stable_offset});
        return table;
    }
    if (name.ends_with(storage::kSnapshotSuffix)) {
        TRY(const std::string content, local.read_all(path));
        TRY(const auto snapshot, read_producer_snapshot(as_bytes(content)));
        Table table{{"producer", "epoch", "last_sequence", "last_offset", "timestamp_ms",
                     "transaction_start"}};
        for (const auto& p : snapshot.producer_entries)
            table.add(
                {p.producer_id, p.epoch, p.last_sequence, p.last_offset, p.timestamp,
                 p.current_txn_first_offset < 0 ? Value{} : Value{p.current_txn_first_offset}});
        return table;
    }
    return fail(
        ErrorCode::invalid_request,
        fmt::format("{}: not a file of a log: .log, .index, .timeindex, .txnindex, .snapshot "
                    "or .checkpoint",
                    path));
}

Result<int> dump(const Console& console, const DumpOptions& options) {
    LocalDisk local;
    bool sound = true;
    for (const std::string& path : options.files) {
        const std::string name = name_of(path);
        const bool log = name.ends_with(storage::kLogSuffix) || name.ends_with(".checkpoint");
        auto table = !log              ? small_file(local, path)
                     : options.records ? records(local, path)
                                       : batches(local, path, &sound);
        if (!table) return table.error();
        if (options.files.size() > 1 && !console.json) console.line(fmt::format("{}:", path));
        console.show(*table);
    }
    if (sound) return kDone;
    std::fflush(console.out);
    console.error_line(
        "millrace: there are damaged or cut batches; `millrace recover DIR` makes a "
        "stopped node's directory sound");
    return kFailed;
}

}  // namespace

void add_dump_command(CLI::App& app, const Native& native) {
    auto o = std::make_shared<DumpOptions>();
    CLI::App& verb = *app.add_subcommand(
        "dump", "Show what lies in the files of a log: segments, indexes, snapshots");
    verb.add_option("FILE", o->files, "Files of a log directory")
        ->required()
        ->check(CLI::ExistingFile);
    verb.add_flag("--records", o->records, "The records of a segment, not its batches");
    verb.add_flag("--json", o->json, "For programs: one JSON document for each file");
    verb.footer(
        "\nWhat the system's own logs hold is decoded: metadata, group offsets, transactions.\n");
    verb.callback([native, o] {
        Console console = native.console;
        console.json = o->json;
        const auto done = dump(console, *o);
        native.status = done ? *done : console.fail(done.error());
    });
}

}  // namespace millrace::cli
