#include "cli/base64.h"

#include <fmt/format.h>

namespace millrace::cli {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string encode_base64(std::string_view bytes) {
    std::string out;
    for (size_t i = 0; i < bytes.size(); i += 3) {
        const std::string_view part = bytes.substr(i, 3);
        uint32_t bits = 0;
        for (size_t b = 0; b != 3; ++b)
            bits = bits << 8 | (b < part.size() ? static_cast<unsigned char>(part[b]) : 0u);
        for (size_t d = 0; d != 4; ++d)
            out += d <= part.size() ? kDigits[bits >> (18 - 6 * d) & 63] : '=';
    }
    return out;
}

Result<std::string> decode_base64(std::string_view text) {
    while (text.ends_with('=')) text.remove_suffix(1);
    if (text.size() % 4 == 1)
        return fail(ErrorCode::invalid_request,
                    "Input byte[] should at least have 2 bytes for base64 bytes");
    std::string out;
    uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const size_t digit = kDigits.find(c);
        if (digit == kDigits.npos)
            return fail(ErrorCode::invalid_request, fmt::format("Illegal base64 character {:x}",
                                                                static_cast<unsigned char>(c)));
        bits = bits << 6 | static_cast<uint32_t>(digit);
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out += static_cast<char>(bits >> count & 0xff);
    }
    return out;
}

}  // namespace millrace::cli
