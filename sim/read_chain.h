// What a read of a log gave, as plain bytes: memory is copied, file ranges are read.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "base/chain.h"
#include "runtime/disk.h"

namespace millrace::sim {

// `chain` must live until it returns. A range that cannot be read whole fails the test.
inline runtime::Task<std::vector<uint8_t>> read_chain(const Chain& chain) {
    std::vector<uint8_t> bytes(chain.size());
    size_t at = 0;
    for (const ChainPart& part : chain.parts()) {
        const auto into = MutableByteView{bytes}.subspan(at, part.size());
        at += part.size();
        if (part.file) {
            auto& file = *static_cast<runtime::File*>(part.file.get());
            const auto count = co_await file.read_at(part.position, into);
            CHECK((count && *count == into.size()));
        } else {
            std::ranges::copy(part.bytes, into.begin());
        }
    }
    co_return bytes;
}

}  // namespace millrace::sim
