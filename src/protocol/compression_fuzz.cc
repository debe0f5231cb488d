// First byte: codec and level. The rest both as compressed input (bounded, no crash) and as content
// (must come back).
#include "base/check.h"
#include "protocol/compression.h"

using namespace millrace;
using namespace millrace::protocol;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr size_t kLimit = size_t{1} << 20;
    if (size == 0) return 0;
    const auto codec = static_cast<Codec>(data[0] % 5);
    const int level = data[0] / 5 % 12 - 1;
    const ByteView input{data + 1, size - 1};
    std::vector<uint8_t> scratch;
    const auto out = decompress(codec, input, scratch, kLimit);
    if (out) INVARIANT(out->size() <= kLimit);
    INVARIANT(codec == Codec::none || scratch.size() <= kLimit);

    std::vector<uint8_t> packed;
    INVARIANT(compress(codec, level, input, packed));
    const auto again = decompress(codec, packed, scratch, kLimit);
    INVARIANT(again && std::equal(again->begin(), again->end(), input.begin(), input.end()));
    return 0;
}
