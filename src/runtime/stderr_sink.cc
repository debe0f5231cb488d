#include "runtime/stderr_sink.h"

#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace millrace::runtime {

void write_stderr(std::string_view line) {
    while (!line.empty()) {
        const ssize_t n = ::write(STDERR_FILENO, line.data(), line.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return;
        line.remove_prefix(static_cast<size_t>(n));
    }
}

TimestampMs system_wall_ms() {
    timespec t{};
    clock_gettime(CLOCK_REALTIME, &t);
    return int64_t{t.tv_sec} * 1000 + t.tv_nsec / 1'000'000;
}

}  // namespace millrace::runtime
