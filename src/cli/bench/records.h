// The records that measurements send.
#pragma once

#include <string>

#include "base/random.h"
#include "cli/bench/bench.h"
#include "client/record.h"

namespace millrace::cli::bench {

class Records {
public:
    Records(const Load& load, Rng& rng)
        : load_(load), rng_(rng), value_(std::max<size_t>(load.size, 8), 0) {
        // As hard to compress as text with numbers in it.
        for (uint8_t& byte : value_) byte = static_cast<uint8_t>('0' + rng.below(64));
    }

    // The next one; its views live until the one after it. The value begins with `stamp`.
    client::Record next(int64_t stamp = 0) {
        store_be(value_.data(), stamp);
        client::Record record{.topic = load_.topic, .value = ByteView{value_}};
        if (load_.keys != 0) {
            store_be(key_, rng_.below(load_.keys));
            record.key = ByteView{key_};
        }
        return record;
    }
    size_t value_bytes() const { return value_.size(); }

private:
    const Load& load_;
    Rng& rng_;
    std::vector<uint8_t> value_;
    uint8_t key_[8] = {};
};

}  // namespace millrace::cli::bench
