// SipHash-2-4 with 128 bits of result (Aumasson, Bernstein), under a secret key: who writes records
// cannot choose record keys that collide. Compaction takes keys for equal when their hashes are.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/random.h"

namespace millrace::storage {

struct KeyHash {
    uint64_t first;
    uint64_t second;
    friend bool operator==(const KeyHash&, const KeyHash&) = default;
};

class KeyHasher {
public:
    KeyHasher(uint64_t k0, uint64_t k1) : k0_(k0), k1_(k1) {}
    static KeyHasher random(Rng& rng) {
        const uint64_t k0 = rng.next();
        return {k0, rng.next()};
    }
    KeyHash operator()(ByteView key) const;

private:
    uint64_t k0_;
    uint64_t k1_;
};

}  // namespace millrace::storage
