// The recent past of a value: sums over two windows of half a minute, so that averages, maxima and
// rates tell of the last 30 to 60 seconds. Recording costs a few additions and no memory.
//
// Owner: whoever records. Loop: its own. Kafka: the SampledStat classes, with metrics.num.samples=2.
#pragma once

#include <algorithm>
#include <array>

#include "runtime/loop.h"

namespace millrace::client {

class Sampled {
public:
    void record(runtime::TimePoint now, double value) {
        Window& window = current(now);
        window.sum += value;
        window.max = window.count == 0 ? value : std::max(window.max, value);
        ++window.count;
    }
    void record(runtime::TimePoint now, Duration value) {
        record(now, std::chrono::duration<double, std::milli>(value).count());
    }

    // 0 when nothing was recorded lately.
    double average(runtime::TimePoint now) const {
        const Window all = recent(now);
        return all.count == 0 ? 0 : all.sum / static_cast<double>(all.count);
    }
    double max(runtime::TimePoint now) const { return recent(now).max; }
    // Of the values' sum, and of their number, a second.
    double rate(runtime::TimePoint now) const { return recent(now).sum / seconds(now); }
    double frequency(runtime::TimePoint now) const {
        return static_cast<double>(recent(now).count) / seconds(now);
    }

private:
    static constexpr std::chrono::seconds kWindow{30};

    struct Window {
        runtime::TimePoint from{};
        double sum = 0;
        double max = 0;
        uint64_t count = 0;
        bool used = false;
    };
    Window& current(runtime::TimePoint now) {
        Window* window = &windows_[at_];
        if (!window->used || now - window->from >= kWindow) {
            if (window->used) at_ ^= 1;
            window = &windows_[at_];
            *window = {.from = now, .used = true};
        }
        return *window;
    }
    static bool fresh(const Window& window, runtime::TimePoint now) {
        return window.used && now - window.from < 2 * kWindow;
    }
    Window recent(runtime::TimePoint now) const {
        Window out;
        for (const Window& window : windows_) {
            if (!fresh(window, now)) continue;
            out.sum += window.sum;
            out.count += window.count;
            out.max = std::max(out.max, window.max);
        }
        return out;
    }
    // What a rate is over: at least one whole window, so that a first value is no peak.
    double seconds(runtime::TimePoint now) const {
        Duration out = kWindow;
        for (const Window& window : windows_)
            if (fresh(window, now)) out = std::max(out, now - window.from);
        return std::chrono::duration<double>(out).count();
    }

    std::array<Window, 2> windows_;
    size_t at_ = 0;
};

}  // namespace millrace::client
