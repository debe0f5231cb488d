// The codecs one by one; internal to compression.cc.
#pragma once

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "protocol/compression.h"

namespace millrace::protocol {

// Keeps every size within the int of the C libraries, also after the worst expansion.
inline constexpr size_t kCompressInputBytesMax = size_t{1} << 30;

// Output at the front of a scratch vector that grows by doubling up to a limit.
class BoundedOutput {
public:
    BoundedOutput(std::vector<uint8_t>& scratch, size_t input_bytes, size_t bytes_max);

    // Where the next bytes go, and how many fit without growing.
    uint8_t* tail() { return scratch_.data() + size_; }
    size_t room() const { return capacity() - size_; }
    void advance(size_t bytes) { size_ += bytes; }
    void clear() { size_ = 0; }
    // Makes more room; record_list_too_large at the limit.
    Result<void> grow();
    // Makes room for `bytes` more; record_list_too_large when that passes the limit.
    Result<void> reserve(size_t bytes);
    ByteView written() const { return {scratch_.data(), size_}; }

    static Error too_large();
    static Error corrupt(Codec codec);

private:
    size_t capacity() const;
    void grow_to(size_t bytes);

    std::vector<uint8_t>& scratch_;
    size_t bytes_max_;
    size_t size_ = 0;
};

// Compressors append to `out` and cannot fail for inputs up to kCompressInputBytesMax.
void gzip_compress(int level, ByteView input, std::vector<uint8_t>& out);
void snappy_compress(ByteView input, std::vector<uint8_t>& out);
void lz4_compress(int level, ByteView input, std::vector<uint8_t>& out);
void zstd_compress(int level, ByteView input, std::vector<uint8_t>& out);

Result<void> gzip_decompress(ByteView input, BoundedOutput& out);
Result<void> snappy_decompress(ByteView input, BoundedOutput& out);
Result<void> lz4_decompress(ByteView input, BoundedOutput& out);
Result<void> zstd_decompress(ByteView input, BoundedOutput& out);

}  // namespace millrace::protocol
