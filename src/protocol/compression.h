// The five codecs of record batches (and of telemetry payloads), whole buffers only.
//
//   codec   framing that is written                       also read
//   none    the bytes                                     -
//   gzip    one member, no name, no time                  several members
//   snappy  82 'SNAPPY' 00, int32 1, int32 1, then        one bare raw snappy block; several frames
//           blocks of int32 size + raw snappy of 32 KiB
//   lz4     frame of independent 64 KiB blocks, no        content size, checksums, larger blocks;
//           checksums                                     linked blocks are refused
//   zstd    one frame                                     several frames
//
// What follows the last gzip member or the first lz4 frame is left unread, without an error, as
// Kafka's readers do.
//
// Input is never trusted: output is bounded by the caller, and no buffer is sized from a length
// that the input claims. Contexts are thread-local and reused; any thread may call anything here.
// Errors: corrupt_message (not this codec's format, or damaged), record_list_too_large (more than
// `output_bytes_max`).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace millrace::protocol {

// Numbers as in the attributes of a batch.
enum class Codec : uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

inline constexpr int kCodecCount = 5;

// `none`, `gzip`... as in configuration (`compression.type` says `uncompressed` for none, which
// codec_from_name takes too).
std::string_view codec_name(Codec codec);
std::optional<Codec> codec_from_name(std::string_view name);

// Kafka's `compression.<codec>.level`: defaults and ranges. Levels out of range are clamped.
// gzip -1 (the library's choice) or 1..9; lz4 1..17 (2 and below 3 are the fast compressor, 9 too:
// Kafka's default is fast); zstd -131072..22.
struct CompressionLevels {
    int gzip = -1;
    int lz4 = 9;
    int zstd = 3;

    int of(Codec codec) const;
};

// Appends the compressed form of `input` to `out`. The level counts for gzip, lz4 and zstd only.
// Errors: record_list_too_large (the input is above 1 GiB).
Result<void> compress(Codec codec, int level, ByteView input, std::vector<uint8_t>& out);

// The decompressed form of `input`: a view into `scratch`, which grows as needed, never shrinks,
// and whose other content is unspecified; keep it for the next call. With codec none: `input`
// itself. Memory stays within twice the output (at most output_bytes_max) plus the codec's own
// window.
Result<ByteView> decompress(Codec codec, ByteView input, std::vector<uint8_t>& scratch,
                            size_t output_bytes_max);

}  // namespace millrace::protocol
