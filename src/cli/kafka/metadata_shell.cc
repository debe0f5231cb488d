// kafka-metadata-shell: the metadata in a segment or a snapshot of the metadata log, as files.
#include <iostream>

#include "cli/dump/segment_walk.h"
#include "cli/kafka/argparse.h"
#include "cli/kafka/metadata_commands.h"
#include "cli/kafka/tool.h"
#include "metadata/builder.h"
#include "protocol/metadata_record.h"

namespace millrace::cli::kafka {
namespace {

constexpr std::string_view kProgram = "kafka-metadata-shell";
constexpr Flag kFlags[] = {
    {"snapshot", "s", Flag::Takes::one, true, 0, "The segment or snapshot to read; required."}};

// What a record of a transaction that never ended has changed is not there.
Result<metadata::ImagePtr> load(LocalDisk& local, const std::string& path) {
    TRY(BatchFile file, BatchFile::open(local, path));
    metadata::Builder builder;
    metadata::Position position;
    std::vector<uint8_t> scratch;
    const auto on_batch = [&](protocol::BatchView batch, uint64_t) -> Result<void> {
        if (batch.is_control()) return {};
        if (!batch.verify_crc())
            return fail(ErrorCode::corrupt_message,
                        fmt::format("The batch at offset {} is damaged.", batch.base_offset()));
        TRY_OK(protocol::for_each_record(
            batch, scratch, [&](const protocol::RecordView& record) -> Result<void> {
                TRY(const auto decoded,
                    protocol::decode_metadata_record(record.value.value_or(ByteView{})));
                return builder.apply(decoded);
            }));
        if (!builder.in_transaction())
            position = {batch.last_offset(), batch.leader_epoch(), batch.max_timestamp()};
        return {};
    };
    TRY_OK(walk_batches(file, file.size(), on_batch));
    if (position.offset < 0)
        return fail(ErrorCode::invalid_request, fmt::format("{} holds no metadata records.", path));
    if (builder.in_transaction()) TRY_OK(builder.apply(protocol::AbortTransactionRecord{}));
    return builder.publish(position).first;
}

void converse(const Console& console, MetadataCommands& commands) {
    console.line("[ Kafka Metadata Shell ]");
    std::string line;
    while (!commands.ended()) {
        if (console.interactive) console.print(">> ");
        std::fflush(console.out);
        if (!std::getline(std::cin, line)) return;
        console.print(commands.run_line(line));
    }
}

}  // namespace

int metadata_shell(const Console& console, const Words& words) {
    Words flag_words;
    Words command;
    for (size_t i = 0; i < words.size(); ++i) {
        const bool flag = words[i].size() > 1 && words[i][0] == '-';
        (flag ? flag_words : command).push_back(words[i]);
        const bool takes_next = words[i] == "-s" || words[i] == "--snapshot";
        if (takes_next && i + 1 < words.size()) flag_words.push_back(words[++i]);
    }
    if (flag_words.empty())
        return flags_misused(console, kProgram, kFlags, "argument --snapshot/-s is required");
    int status = kDone;
    const auto flags = parse_flags(console, kProgram, kFlags, flag_words, status);
    if (!flags) return kFailed;  // for help, too
    const std::string path = *flags->value("snapshot");
    if (command.empty()) console.line("Loading...");
    LocalDisk local;
    const auto image = load(local, path);
    if (!image) {
        std::fflush(console.out);
        console.error_line(
            image.error().code == ErrorCode::not_found
                ? fmt::format("Unexpected error: java.nio.file.NoSuchFileException: {}", path)
                : fmt::format("Unexpected error: {}", sentence(image.error())));
        return kFailed;
    }
    MetadataCommands commands(metadata_tree(*image), command.empty());
    if (!command.empty()) {
        console.print(commands.run(command));
        return kDone;
    }
    console.line("Starting...");
    converse(console, commands);
    return kDone;
}

}  // namespace millrace::cli::kafka
