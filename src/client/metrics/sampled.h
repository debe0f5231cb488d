// The recent past of a value: sums over two windows, of half a minute unless told otherwise, so that
// averages, maxima and rates tell of the last 30 to 60 seconds. Recording costs a few additions and
// no memory. What has not happened lately has a rate of 0 and no average, maximum or minimum: NaN.
//
// Owner: whoever records. Loop: its own. Kafka: the SampledStat classes, with metrics.num.samples=2.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "runtime/loop.h"

namespace millrace::client {

class Sampled {
public:
    Sampled() = default;
    explicit Sampled(std::chrono::seconds window) : length_(window) {}

    void record(runtime::TimePoint now, double value) {
        Window& window = current(now);
        window.min = std::min(window.min, value);
        window.add(1, value, value);
    }
    void record(runtime::TimePoint now, Duration value) {
        record(now, std::chrono::duration<double, std::milli>(value).count());
    }

    // Several values of which these are known; their minimum is not.
    void record_many(runtime::TimePoint now, uint64_t count, double sum, double max) {
        current(now).add(count, sum, max);
    }

    double average(runtime::TimePoint now) const {
        const Window all = recent(now);
        return all.count == 0 ? kNone : all.sum / static_cast<double>(all.count);
    }
    double max(runtime::TimePoint now) const { return known(recent(now).max); }
    double min(runtime::TimePoint now) const { return known(recent(now).min); }
    // Of the values' sum, and of their number, a second.
    double rate(runtime::TimePoint now) const { return recent(now).sum / seconds(now); }
    double frequency(runtime::TimePoint now) const {
        return static_cast<double>(recent(now).count) / seconds(now);
    }

private:
    static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
    static constexpr double kInfinite = std::numeric_limits<double>::infinity();

    struct Window {
        runtime::TimePoint from{};
        double sum = 0;
        double max = -kInfinite;
        double min = kInfinite;
        uint64_t count = 0;
        bool used = false;

        void add(uint64_t values, double of_all, double largest) {
            count += values;
            sum += of_all;
            max = std::max(max, largest);
        }
    };
    static double known(double extreme) { return std::isinf(extreme) ? kNone : extreme; }
    Window& current(runtime::TimePoint now) {
        Window* window = &windows_[at_];
        if (!window->used || now - window->from >= length_) {
            if (window->used) at_ ^= 1;
            window = &windows_[at_];
            *window = {.from = now, .used = true};
        }
        return *window;
    }
    bool fresh(const Window& window, runtime::TimePoint now) const {
        return window.used && now - window.from < 2 * length_;
    }
    Window recent(runtime::TimePoint now) const {
        Window out;
        for (const Window& window : windows_) {
            if (!fresh(window, now)) continue;
            out.add(window.count, window.sum, window.max);
            out.min = std::min(out.min, window.min);
        }
        return out;
    }
    // What a rate is over: at least one whole window, so that a first value is no peak.
    double seconds(runtime::TimePoint now) const {
        Duration out = length_;
        for (const Window& window : windows_)
            if (fresh(window, now)) out = std::max(out, now - window.from);
        return std::chrono::duration<double>(out).count();
    }

    std::chrono::seconds length_{30};
    std::array<Window, 2> windows_;
    size_t at_ = 0;
};

}  // namespace millrace::client
