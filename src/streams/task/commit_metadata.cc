#include "streams/task/commit_metadata.h"

#include <array>
#include <optional>

#include "streams/core/bytes.h"

namespace millrace::streams {
namespace {

constexpr char kVersion = 2;
constexpr char kTimeOnly = 1;
constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string to_base64(BytesView bytes) {
    std::string text;
    for (size_t at = 0; at < bytes.size(); at += 3) {
        uint32_t bits = 0;
        const size_t count = std::min<size_t>(3, bytes.size() - at);
        for (size_t i = 0; i < 3; ++i)
            bits = bits << 8 | (i < count ? static_cast<uint8_t>(bytes[at + i]) : 0);
        for (size_t i = 0; i < 4; ++i)
            text += i <= count ? kDigits[bits >> (18 - 6 * i) & 63] : '=';
    }
    return text;
}

std::optional<Bytes> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    size_t padding = 0;
    while (padding < 2 && text.ends_with('=')) {
        text.remove_suffix(1);
        ++padding;
    }
    Bytes bytes;
    uint32_t bits = 0;
    int have = 0;
    for (char c : text) {
        const size_t digit = kDigits.find(c);
        if (digit == std::string_view::npos) return std::nullopt;
        bits = bits << 6 | static_cast<uint32_t>(digit);
        have += 6;
        if (have < 8) continue;
        have -= 8;
        bytes += static_cast<char>(bits >> have & 0xff);
    }
    return bytes;
}

// Takes the numbers off; none if they are malformed.
std::optional<std::map<std::string, int64_t>> read_numbers(BytesView in) {
    std::map<std::string, int64_t> numbers;
    if (in.size() < 4) return std::nullopt;
    auto left = read_be<int32_t>(in);
    in.remove_prefix(4);
    for (; left > 0; --left) {
        if (in.size() < 4) return std::nullopt;
        const auto size = read_be<int32_t>(in);
        in.remove_prefix(4);
        if (size < 0 || in.size() < 8 || static_cast<size_t>(size) > in.size() - 8)
            return std::nullopt;
        const auto length = static_cast<size_t>(size);
        numbers[std::string(in.substr(0, length))] = read_be<int64_t>(in.substr(length));
        in.remove_prefix(length + 8);
    }
    return numbers;
}

}  // namespace

std::string encode_commit_metadata(const CommitMetadata& metadata) {
    Bytes out(1, kVersion);
    append_be(out, metadata.partition_time);
    if (!metadata.numbers.empty()) {
        append_be(out, static_cast<int32_t>(metadata.numbers.size()));
        for (const auto& [name, value] : metadata.numbers) {
            append_be(out, static_cast<int32_t>(name.size()));
            out += name;
            append_be(out, value);
        }
    }
    return to_base64(out);
}

CommitMetadata decode_commit_metadata(std::string_view text) {
    const std::optional<Bytes> bytes = from_base64(text);
    if (!bytes || bytes->size() < 9) return {};
    const char version = bytes->front();
    if (version != kVersion && version != kTimeOnly) return {};
    CommitMetadata metadata{.partition_time = read_be<TimestampMs>(BytesView(*bytes).substr(1))};
    if (version == kTimeOnly || bytes->size() == 9) return metadata;
    auto numbers = read_numbers(BytesView(*bytes).substr(9));
    if (!numbers) return {};
    metadata.numbers = *std::move(numbers);
    return metadata;
}

}  // namespace millrace::streams
