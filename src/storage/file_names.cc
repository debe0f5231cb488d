#include "storage/file_names.h"

#include <fmt/format.h>

#include <charconv>

#include "storage/log_manager.h"

namespace millrace::storage {
namespace {

constexpr size_t kOffsetDigits = 20;
constexpr size_t kNameBytesMax = 255;
constexpr size_t kTopicBytesMax = 249;
constexpr size_t kUniqueDigits = 32;

bool all_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

std::string join_path(std::string_view directory, std::string_view name) {
    std::string path;
    path.reserve(directory.size() + 1 + name.size());
    path.append(directory).append("/").append(name);
    return path;
}

std::string offset_file_path(std::string_view directory, Offset offset, std::string_view suffix) {
    return fmt::format("{}/{:020}{}", directory, offset, suffix);
}

std::optional<OffsetFileName> parse_offset_file(std::string_view name) {
    if (name.size() <= kOffsetDigits || !all_digits(name.substr(0, kOffsetDigits))) return {};
    Offset offset = 0;
    const auto parsed = std::from_chars(name.data(), name.data() + kOffsetDigits, offset);
    if (parsed.ec != std::errc{}) return {};
    name.remove_prefix(kOffsetDigits);
    std::string_view mark;
    for (std::string_view candidate : {kDeletedSuffix, kCleanedSuffix, kSwapSuffix})
        if (name.ends_with(candidate)) {
            mark = candidate;
            name.remove_suffix(candidate.size());
            break;
        }
    for (std::string_view kind :
         {kLogSuffix, kIndexSuffix, kTimeIndexSuffix, kTxnIndexSuffix, kSnapshotSuffix})
        if (name == kind) return OffsetFileName{offset, kind, mark};
    return {};
}

std::string partition_directory_name(const TopicPartition& partition) {
    return fmt::format("{}-{}", partition.topic, partition.partition);
}

std::string marked_directory_name(const TopicPartition& partition, Uuid unique,
                                  std::string_view mark) {
    const std::string tail =
        fmt::format("-{}.{:016x}{:016x}{}", partition.partition, unique.high, unique.low, mark);
    return partition.topic.substr(0, kNameBytesMax - tail.size()) + tail;
}

bool is_marked_directory(std::string_view name, std::string_view mark) {
    if (!name.ends_with(mark)) return false;
    name.remove_suffix(mark.size());
    if (name.size() <= kUniqueDigits) return false;
    const std::string_view unique = name.substr(name.size() - kUniqueDigits);
    return name[name.size() - kUniqueDigits - 1] == '.' &&
           unique.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::optional<TopicPartition> parse_future_directory(std::string_view name) {
    constexpr std::string_view kMark = "-future";
    if (name.size() >= kNameBytesMax || !is_marked_directory(name, kMark)) return {};
    return parse_partition_directory(
        name.substr(0, name.size() - kMark.size() - kUniqueDigits - 1));
}

std::optional<TopicPartition> parse_partition_directory(std::string_view name) {
    const size_t dash = name.rfind('-');
    if (dash == std::string_view::npos || dash == 0 || dash > kTopicBytesMax) return {};
    const std::string_view topic = name.substr(0, dash);
    const std::string_view digits = name.substr(dash + 1);
    if (!all_digits(digits) || (digits.size() > 1 && digits[0] == '0')) return {};
    if (topic == "." || topic == "..") return {};
    for (char c : topic) {
        const bool legal = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        if (!legal) return {};
    }
    TopicPartition partition{std::string{topic}, 0};
    const auto parsed =
        std::from_chars(digits.data(), digits.data() + digits.size(), partition.partition);
    if (parsed.ec != std::errc{}) return {};
    return partition;
}

}  // namespace millrace::storage
