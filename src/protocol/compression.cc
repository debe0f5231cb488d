#include "protocol/compression.h"

#include <algorithm>
#include <array>
#include <memory>

#include <fmt/format.h>

#include "protocol/compression_codecs.h"

namespace millrace::protocol {
namespace {

constexpr std::array<std::string_view, kCodecCount> kNames = {"none", "gzip", "snappy", "lz4",
                                                              "zstd"};

}  // namespace

std::string_view codec_name(Codec codec) {
    return kNames[static_cast<size_t>(codec)];
}

std::optional<Codec> codec_from_name(std::string_view name) {
    if (name == "uncompressed") return Codec::none;
    const auto found = std::find(kNames.begin(), kNames.end(), name);
    if (found == kNames.end()) return std::nullopt;
    return static_cast<Codec>(found - kNames.begin());
}

int CompressionLevels::of(Codec codec) const {
    switch (codec) {
        case Codec::gzip:
            return gzip;
        case Codec::lz4:
            return lz4;
        case Codec::zstd:
            return zstd;
        case Codec::none:
        case Codec::snappy:
            break;
    }
    return 0;
}

Result<void> compress(Codec codec, int level, ByteView input, std::vector<uint8_t>& out) {
    if (input.size() > kCompressInputBytesMax) {
        return fail(ErrorCode::record_list_too_large, "too much to compress as one block");
    }
    switch (codec) {
        case Codec::none:
            out.insert(out.end(), input.begin(), input.end());
            break;
        case Codec::gzip:
            gzip_compress(level, input, out);
            break;
        case Codec::snappy:
            snappy_compress(input, out);
            break;
        case Codec::lz4:
            lz4_compress(level, input, out);
            break;
        case Codec::zstd:
            zstd_compress(level, input, out);
            break;
    }
    return {};
}

Result<ByteView> decompress(Codec codec, ByteView input, std::vector<uint8_t>& scratch,
                            size_t output_bytes_max) {
    if (codec == Codec::none) {
        if (input.size() > output_bytes_max) return BoundedOutput::too_large();
        return input;
    }
    BoundedOutput out(scratch, input.size(), output_bytes_max);
    switch (codec) {
        case Codec::gzip:
            TRY_OK(gzip_decompress(input, out));
            break;
        case Codec::snappy:
            TRY_OK(snappy_decompress(input, out));
            break;
        case Codec::lz4:
            TRY_OK(lz4_decompress(input, out));
            break;
        case Codec::zstd:
            TRY_OK(zstd_decompress(input, out));
            break;
        case Codec::none:
            break;
    }
    return out.written();
}

BoundedOutput::BoundedOutput(std::vector<uint8_t>& scratch, size_t input_bytes, size_t bytes_max)
    : scratch_(scratch), bytes_max_(bytes_max) {
    const size_t guess = std::clamp<size_t>(input_bytes * 4, 4096, size_t{4} << 20);
    if (scratch_.size() < guess) grow_to(guess);
}

Result<void> BoundedOutput::grow() {
    if (capacity() >= bytes_max_) return too_large();
    grow_to(capacity() * 2);
    return {};
}

Result<void> BoundedOutput::reserve(size_t bytes) {
    if (bytes > bytes_max_ - size_) return too_large();
    if (bytes > capacity() - size_) grow_to(std::max(size_ + bytes, capacity() * 2));
    return {};
}

size_t BoundedOutput::capacity() const {
    return std::min(scratch_.size(), bytes_max_);
}

void BoundedOutput::grow_to(size_t bytes) {
    scratch_.resize(std::min(bytes, bytes_max_));
}

Error BoundedOutput::too_large() {
    return fail(ErrorCode::record_list_too_large, "decompressed records exceed the limit");
}

Error BoundedOutput::corrupt(Codec codec) {
    return fail(ErrorCode::corrupt_message, fmt::format("not a sound {} block", codec_name(codec)));
}

}  // namespace millrace::protocol
