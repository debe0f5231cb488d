// For tests on a real loop: the one way to wait for what has no event of its own.
#pragma once

#include <type_traits>

#include "runtime/loop.h"
#include "runtime/task.h"

namespace millrace::runtime {

// Until `condition` holds, a plain function or one that gives a Task<bool>; false when `patience`
// has passed. It is kept until then, so it may be a capturing lambda that is a coroutine.
template <typename Condition>
Task<bool> eventually(Loop& loop, Condition condition,
                      Duration patience = std::chrono::seconds(30)) {
    const TimePoint end = loop.now() + patience;
    while (true) {
        bool holds;
        if constexpr (std::is_same_v<std::invoke_result_t<Condition&>, bool>) {
            holds = condition();
        } else {
            holds = co_await condition();
        }
        if (holds || loop.now() >= end) co_return holds;
        co_await loop.sleep_for(std::chrono::milliseconds(1));
    }
}

}  // namespace millrace::runtime
