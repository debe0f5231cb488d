// The one random generator: seeded, so that a simulation replays. Code gets it handed in and never
// makes its own.
#pragma once

#include <cstdint>

namespace millrace {

// xoshiro256** (Blackman, Vigna). Not for secrets.
class Rng {
public:
    explicit Rng(uint64_t seed);
    uint64_t next();
    // Uniform in [0, bound); bound > 0.
    uint64_t below(uint64_t bound);
    // Uniform in [0, 1).
    double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
    bool chance(double probability) { return unit() < probability; }

private:
    uint64_t state_[4];
};

}  // namespace millrace
