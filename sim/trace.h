// A running hash over everything that a simulation does: which task is resumed, which bytes travel,
// what is written. Two runs of one seed must agree in it.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/crc32c.h"

namespace millrace::sim {

enum class TraceEvent : uint8_t {
    resume,
    timer,
    message,
    connect,
    segment,
    stream_end,
    reset,
    disk_write,
    disk_sync,
    disk_name,
    fault,
    crash,
};

class Trace {
public:
    void note(TraceEvent event, uint64_t a, uint64_t b = 0) {
        mix(static_cast<uint64_t>(event));
        mix(a);
        mix(b);
        ++count_;
    }
    void note(TraceEvent event, uint64_t a, ByteView bytes) {
        note(event, a, (uint64_t{bytes.size()} << 32) | crc32c(bytes));
    }
    uint64_t hash() const { return hash_; }
    uint64_t count() const { return count_; }

private:
    void mix(uint64_t value) {
        hash_ = (hash_ ^ value) * 0x9e3779b97f4a7c15u;
        hash_ ^= hash_ >> 29;
    }
    uint64_t hash_ = 0x6a09e667f3bcc908u;
    uint64_t count_ = 0;
};

}  // namespace millrace::sim
