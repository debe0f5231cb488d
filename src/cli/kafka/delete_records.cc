// kafka-delete-records: drops the records of partitions below an offset.
#include "cli/cluster/partition_file.h"
#include "cli/kafka/exceptions.h"
#include "base/java_order.h"
#include "cli/kafka/misuse.h"
#include "cli/kafka/tool_session.h"
#include "cli/local_disk.h"

namespace millrace::cli::kafka {
namespace {

constexpr auto kOptions = std::to_array<Option>({
    kBootstrapServer,
    kCommandConfig,
    {"offset-json-file", Takes::value, "file", "The partitions and the offsets; required."},
    kHelp,
    kVersion,
});

Result<void> act(const Console& console, const Arguments& arguments) {
    TRY(const auto path, arguments.value("offset-json-file"));
    LocalDisk local;
    const auto text = local.read_all(*path);
    if (!text) return fail(text.code(), fmt::format("Unable to read file {}", *path));
    TRY(const auto lines, parse_partition_file(*text, true));
    std::map<TopicPartition, Offset> before;
    for (const PartitionLine& line : lines) before[line.partition] = *line.offset;
    TRY(const auto session, open_session(arguments));
    console.line("Executing records delete operation");
    const auto deleted = session->wait(session->admin().delete_records(std::move(before)));
    if (!deleted) return fail(deleted.code(), failure_text(deleted.error(), "deleteRecords"));
    console.line("Records delete operation completed:");
    for (const PartitionLine& line : lines) {
        const client::DeletedRecords& result = deleted->at(line.partition);
        const auto& [topic, partition] = line.partition;
        if (result.error.code == ErrorCode::none)
            console.line(fmt::format("partition: {}-{}\tlow_watermark: {}", topic, partition,
                                     result.low_watermark));
        else
            console.line(fmt::format("partition: {}-{}\terror: {}", topic, partition,
                                     java_exception(result.error)));
    }
    return {};
}

}  // namespace

int delete_records(const Console& console, const Words& words) {
    const auto failed = [&](const Error& error) {
        std::fflush(console.out);
        console.error_line(sentence(error));
        return kFailed;
    };
    const auto arguments = Arguments::parse(kOptions, words);
    if (!arguments) return failed(arguments.error());
    if (const auto ended =
            help_or_version(console, words, *arguments,
                            "Drops the records of partitions below an offset.", kOptions))
        return *ended;
    if (const auto missing = missing_argument(*arguments, {"bootstrap-server", "offset-json-file"}))
        return misused(console, *missing, kOptions);
    const auto done = act(console, *arguments);
    return done ? kDone : failed(done.error());
}

}  // namespace millrace::cli::kafka
