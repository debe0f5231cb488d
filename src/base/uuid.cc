#include "base/uuid.h"

#include "base/random.h"

namespace millrace {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr size_t kTextLength = 22;

}  // namespace

Uuid Uuid::random(Rng& rng) {
    for (;;) {
        Uuid u{rng.next(), rng.next()};
        u.high = (u.high & ~uint64_t{0xf000}) | 0x4000;
        u.low = (u.low & ~(uint64_t{3} << 62)) | (uint64_t{2} << 62);
        if (u.to_string().front() != '-') return u;
    }
}

std::string Uuid::to_string() const {
    std::string text(kTextLength, 'A');
    // 22 characters hold 132 bits: the last one carries four padding bits.
    unsigned __int128 bits = (static_cast<unsigned __int128>(high) << 64) | low;
    text[kTextLength - 1] = kAlphabet[static_cast<size_t>(bits & 3) << 4];
    bits >>= 2;
    for (size_t i = kTextLength - 1; i-- > 0; bits >>= 6)
        text[i] = kAlphabet[static_cast<size_t>(bits & 63)];
    return text;
}

Result<Uuid> Uuid::parse(std::string_view text) {
    if (text.size() != kTextLength)
        return fail(ErrorCode::invalid_request, "a uuid has 22 characters: " + std::string{text});
    unsigned __int128 bits = 0;
    for (size_t i = 0; i < kTextLength; ++i) {
        const size_t digit = kAlphabet.find(text[i]);
        if (digit == std::string_view::npos)
            return fail(ErrorCode::invalid_request, "not a uuid: " + std::string{text});
        bits = i + 1 < kTextLength ? (bits << 6) | digit : (bits << 2) | (digit >> 4);
    }
    return Uuid{static_cast<uint64_t>(bits >> 64), static_cast<uint64_t>(bits)};
}

}  // namespace millrace
