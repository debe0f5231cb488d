#include "cli/kafka/deserializers.h"

#include <array>
#include <bit>
#include <charconv>
#include <cmath>

#include "base/utf8.h"

namespace millrace::cli::kafka {
namespace {

Error refused(std::string why) {
    return fail(ErrorCode::invalid_request,
                fmt::format("org.apache.kafka.common.errors.SerializationException: {}", why));
}

Result<void> wrong_size(std::string_view name, size_t size) {
    return refused(fmt::format("Size of data received by {}Deserializer is not {}", name, size));
}

Result<void> as_string(ByteView bytes, std::string& out) {
    out += valid_utf8(as_text(bytes));
    return {};
}

Result<void> as_printable(ByteView bytes, std::string& out) {
    for (const uint8_t byte : bytes) {
        if (byte >= ' ' && byte <= '~' && byte != '\\')
            out += static_cast<char>(byte);
        else
            out += fmt::format("\\x{:02X}", byte);
    }
    return {};
}

template <typename N>
Result<void> as_integer(ByteView bytes, std::string& out) {
    constexpr std::string_view kName = sizeof(N) == 2   ? "Short"
                                       : sizeof(N) == 4 ? "Integer"
                                                        : "Long";
    if (bytes.size() != sizeof(N)) return wrong_size(kName, sizeof(N));
    out += fmt::to_string(load_be<N>(bytes.data()));
    return {};
}

template <typename N, typename Bits>
Result<void> as_floating(ByteView bytes, std::string& out) {
    if (bytes.size() != sizeof(N)) return wrong_size("", sizeof(N));
    out += java_number(std::bit_cast<N>(load_be<Bits>(bytes.data())));
    return {};
}

Result<void> as_boolean(ByteView bytes, std::string& out) {
    if (bytes.size() != 1) return wrong_size("Boolean", 1);
    if (bytes[0] > 1)
        return refused(fmt::format("Unexpected byte received by BooleanDeserializer: {}",
                                   static_cast<int8_t>(bytes[0])));
    out += bytes[0] == 1 ? "true" : "false";
    return {};
}

// Five hexadecimal numbers, of which the low digits count.
Result<void> as_uuid(ByteView bytes, std::string& out) {
    constexpr std::array<size_t, 5> kDigits{8, 4, 4, 4, 12};
    std::string_view text = as_text(bytes);
    std::string uuid;
    for (size_t i = 0; i != kDigits.size(); ++i) {
        const size_t end = i + 1 == kDigits.size() ? text.size() : text.find('-');
        uint64_t part = 0;
        const std::string_view digits = text.substr(0, end);
        const auto [stop, error] =
            std::from_chars(digits.data(), digits.data() + digits.size(), part, 16);
        if (end == text.npos || error != std::errc{} || stop != digits.data() + digits.size())
            return refused("Error parsing data into UUID");
        const std::string hex = fmt::format("{:016x}", part);
        if (i != 0) uuid += '-';
        uuid += hex.substr(hex.size() - kDigits[i]);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    out += uuid;
    return {};
}

// Java shows no content here but the object's identity; ours is a number made of the content.
Result<void> as_array(ByteView bytes, std::string& out) {
    uint32_t hash = 1;
    for (const uint8_t byte : bytes) hash = hash * 31 + byte;
    out += fmt::format("[B@{:x}", hash);
    return {};
}

Result<void> as_buffer(ByteView bytes, std::string& out) {
    out += fmt::format("java.nio.HeapByteBuffer[pos=0 lim={0} cap={0}]", bytes.size());
    return {};
}

Result<void> as_nothing(ByteView, std::string&) {
    return fail(ErrorCode::invalid_request,
                "java.lang.IllegalArgumentException: Data should be null for a VoidDeserializer.");
}

struct Named {
    std::string_view name;
    Deserializer deserializer;
};
constexpr Named kDeserializers[] = {
    {"String", as_string},
    {"Bytes", as_printable},
    {"ByteArray", as_array},
    {"ByteBuffer", as_buffer},
    {"Short", as_integer<int16_t>},
    {"Integer", as_integer<int32_t>},
    {"Long", as_integer<int64_t>},
    {"Float", as_floating<float, uint32_t>},
    {"Double", as_floating<double, uint64_t>},
    {"Boolean", as_boolean},
    {"UUID", as_uuid},
    {"Void", as_nothing},
};

template <typename N>
std::string java_text(N value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value < 0 ? "-Infinity" : "Infinity";
    if (value == 0) return std::signbit(value) ? "-0.0" : "0.0";
    // As few digits as tell it from its neighbours, but two at least.
    std::array<char, 64> buffer;
    char* const from = buffer.data();
    char* const until = from + buffer.size();
    constexpr auto kForm = std::chars_format::scientific;
    const char* end = std::to_chars(from, until, std::abs(value), kForm).ptr;
    if (buffer[1] != '.') end = std::to_chars(from, until, std::abs(value), kForm, 1).ptr;
    const std::string_view all{buffer.data(), end};
    const size_t e = all.find('e');
    int exponent = 0;
    const std::string_view power = all.substr(e + (all[e + 1] == '+' ? 2 : 1));
    std::from_chars(power.begin(), power.end(), exponent);
    std::string digits{all.substr(0, e)};
    std::erase(digits, '.');
    if (digits.ends_with('0')) digits.pop_back();
    std::string out = value < 0 ? "-" : "";
    if (exponent < -3 || exponent > 6) {
        out += digits.substr(0, 1) + ".";
        out += digits.size() == 1 ? "0" : digits.substr(1);
        return out + fmt::format("E{}", exponent);
    }
    if (exponent < 0)
        return out + "0." + std::string(static_cast<size_t>(-exponent - 1), '0') + digits;
    const size_t whole = static_cast<size_t>(exponent) + 1;
    if (digits.size() <= whole) digits.resize(whole + 1, '0');
    return out + digits.substr(0, whole) + "." + digits.substr(whole);
}

}  // namespace

std::string java_number(double value) {
    return java_text(value);
}
std::string java_number(float value) {
    return java_text(value);
}

Deserializer find_deserializer(std::string_view class_name) {
    constexpr std::string_view kPackage = "org.apache.kafka.common.serialization.";
    constexpr std::string_view kEnd = "Deserializer";
    if (!class_name.starts_with(kPackage) || !class_name.ends_with(kEnd)) return nullptr;
    class_name.remove_prefix(kPackage.size());
    class_name.remove_suffix(kEnd.size());
    const auto found = std::ranges::find(kDeserializers, class_name, &Named::name);
    return found == std::end(kDeserializers) ? nullptr : found->deserializer;
}

}  // namespace millrace::cli::kafka
