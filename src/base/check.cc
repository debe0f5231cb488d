#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace millrace {

void check_failed(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "millrace: %s:%d: broken invariant: %s\n", file, line, condition);
    std::abort();
}

}  // namespace millrace
