#include "runtime/standard_input.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace millrace::runtime {

Task<Result<size_t>> read_standard_input(BlockingPool& pool, Loop& loop, MutableByteView into) {
    co_return co_await run_blocking(pool, loop, [into]() -> Result<size_t> {
        for (;;) {
            const ssize_t n = ::read(STDIN_FILENO, into.data(), into.size());
            if (n >= 0) return static_cast<size_t>(n);
            if (errno != EINTR)
                return fail(ErrorCode::io_error,
                            std::string("read standard input: ") + std::strerror(errno));
        }
    });
}

}  // namespace millrace::runtime
