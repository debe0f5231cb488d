// How long to wait before the next attempt: doubles with each failure up to a maximum, with a fifth
// of chance in either direction, so that clients that failed together do not come back together.
// Kafka: ExponentialBackoff.
#pragma once

#include <chrono>
#include <cmath>

#include "base/random.h"
#include "base/units.h"

namespace millrace::client {

// `failures` counts from 0: the first wait.
inline Duration backoff(std::chrono::milliseconds first, std::chrono::milliseconds max,
                        int failures, Rng& rng) {
    constexpr double kJitter = 0.2;
    const double whole =
        std::min(static_cast<double>(first.count()) * std::exp2(std::min(failures, 30)),
                 static_cast<double>(std::max(first, max).count()));
    return std::chrono::duration_cast<Duration>(
        std::chrono::duration<double, std::milli>(whole * (1 + kJitter * (2 * rng.unit() - 1))));
}

}  // namespace millrace::client
