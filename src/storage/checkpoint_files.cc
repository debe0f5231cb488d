#include "storage/checkpoint_files.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "config/properties.h"
#include "storage/log_manager.h"

namespace millrace::storage {
namespace {

// Takes the next line off `text`, without its end; false when nothing is left.
bool next_line(std::string_view& text, std::string_view& line) {
    if (text.empty()) return false;
    const size_t end = text.find('\n');
    line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    return true;
}

template <typename T>
std::optional<T> parse_number(std::string_view text) {
    T value{};
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return {};
    return value;
}

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// Checks the version line and reads the count line.
Result<uint64_t> read_count(std::string_view& text) {
    std::string_view line;
    if (!next_line(text, line) || line != "0")
        return fail(ErrorCode::malformed, fmt::format("unknown checkpoint version '{}'", line));
    if (!next_line(text, line)) return fail(ErrorCode::malformed, "no entry count");
    const auto count = parse_number<uint64_t>(line);
    if (!count) return fail(ErrorCode::malformed, fmt::format("bad entry count '{}'", line));
    return *count;
}

}  // namespace

Result<OffsetMap> parse_offset_checkpoint(std::string_view text) {
    OffsetMap offsets;
    if (text.empty()) return offsets;
    TRY(const uint64_t count, read_count(text));
    std::string_view line;
    uint64_t lines = 0;
    for (; next_line(text, line); ++lines) {
        const size_t topic_end = line.find(' ');
        const size_t partition_end = line.rfind(' ');
        if (topic_end == std::string_view::npos || partition_end == topic_end)
            return fail(ErrorCode::malformed, fmt::format("bad line '{}'", line));
        const auto partition =
            parse_number<PartitionIndex>(line.substr(topic_end + 1, partition_end - topic_end - 1));
        const auto offset = parse_number<Offset>(line.substr(partition_end + 1));
        if (!partition || *partition < 0 || !offset || *offset < 0)
            return fail(ErrorCode::malformed, fmt::format("bad line '{}'", line));
        offsets[{std::string{line.substr(0, topic_end)}, *partition}] = *offset;
    }
    if (lines != count)
        return fail(ErrorCode::malformed,
                    fmt::format("{} entries announced, {} there", count, lines));
    return offsets;
}

void OffsetCheckpointText::add(const TopicPartition& partition, Offset offset) {
    fmt::format_to(std::back_inserter(lines_), "{} {} {}\n", partition.topic, partition.partition,
                   offset);
    ++count_;
}

std::string OffsetCheckpointText::finish() const {
    return fmt::format("0\n{}\n", count_) + lines_;
}

Result<std::vector<EpochStart>> parse_epoch_checkpoint(std::string_view text) {
    std::vector<EpochStart> entries;
    if (text.empty()) return entries;
    TRY(const uint64_t count, read_count(text));
    std::string_view line;
    while (next_line(text, line)) {
        const size_t space = line.find(' ');
        if (space == std::string_view::npos)
            return fail(ErrorCode::malformed, fmt::format("bad line '{}'", line));
        const auto epoch = parse_number<LeaderEpoch>(line.substr(0, space));
        const auto start = parse_number<Offset>(line.substr(space + 1));
        if (!epoch || *epoch < 0 || !start || *start < 0)
            return fail(ErrorCode::malformed, fmt::format("bad line '{}'", line));
        if (!entries.empty() && (entries.back().epoch >= *epoch || entries.back().start > *start))
            return fail(ErrorCode::malformed, fmt::format("line '{}' does not ascend", line));
        entries.push_back({*epoch, *start});
    }
    if (entries.size() != count)
        return fail(ErrorCode::malformed,
                    fmt::format("{} entries announced, {} there", count, entries.size()));
    return entries;
}

std::string format_epoch_checkpoint(const std::vector<EpochStart>& entries) {
    std::string text = fmt::format("0\n{}\n", entries.size());
    for (const EpochStart& e : entries)
        fmt::format_to(std::back_inserter(text), "{} {}\n", e.epoch, e.start);
    return text;
}

Result<Uuid> parse_partition_metadata(std::string_view text) {
    std::string_view line;
    std::optional<std::string_view> version;
    std::optional<std::string_view> id;
    while (next_line(text, line)) {
        const size_t colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        const std::string_view value = trim(line.substr(colon + 1));
        if (line.substr(0, colon) == "version") version = value;
        if (line.substr(0, colon) == "topic_id") id = value;
    }
    if (version != "0" || !id) return fail(ErrorCode::malformed, "not a version 0 topic id");
    auto uuid = Uuid::parse(*id);
    if (!uuid || uuid->is_zero())
        return fail(ErrorCode::malformed, fmt::format("bad topic id '{}'", *id));
    return *uuid;
}

std::string format_partition_metadata(Uuid topic_id) {
    return fmt::format("version: 0\ntopic_id: {}", topic_id.to_string());
}

Result<int64_t> parse_clean_shutdown(std::string_view text) {
    if (text.empty()) return -1;
    constexpr std::string_view kKey = "\"brokerEpoch\":";
    const size_t at = text.find(kKey);
    if (at == std::string_view::npos) return -1;
    std::string_view rest = trim(text.substr(at + kKey.size()));
    const auto epoch = parse_number<int64_t>(rest.substr(0, rest.find_first_of(",} \n")));
    if (!epoch) return fail(ErrorCode::malformed, "bad broker epoch");
    return *epoch;
}

std::string format_clean_shutdown(int64_t broker_epoch) {
    return fmt::format("{{\"version\":0,\"brokerEpoch\":{}}}", broker_epoch);
}

Result<MetaProperties> MetaProperties::parse(std::string_view text) {
    MetaProperties meta;
    TRY(const auto properties, config::parse_properties(text));
    for (const auto& [key, value, line] : properties) {
        if (key == "cluster.id") {
            meta.cluster_id = value;
        } else if (key == "node.id" || key == "broker.id") {
            const auto id = parse_number<NodeId>(value);
            if (!id) return fail(ErrorCode::malformed, fmt::format("bad {} '{}'", key, value));
            meta.node_id = *id;
        } else if (key == "directory.id") {
            auto id = Uuid::parse(value);
            if (!id) return fail(ErrorCode::malformed, fmt::format("bad {} '{}'", key, value));
            meta.directory_id = *id;
        } else if (key == "version" && value != "0" && value != "1") {
            return fail(ErrorCode::malformed, fmt::format("unknown version '{}'", value));
        }
    }
    return meta;
}

std::string MetaProperties::format() const {
    std::string text = "#\n#\n" + config::format_property("cluster.id", cluster_id);
    if (directory_id) text += fmt::format("directory.id={}\n", directory_id->to_string());
    text += fmt::format("node.id={}\nversion=1\n", node_id);
    return text;
}

}  // namespace millrace::storage
