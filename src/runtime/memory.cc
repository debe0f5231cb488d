#include "runtime/memory.h"

#include <malloc.h>

namespace millrace::runtime {

void return_free_memory() {
#ifdef __GLIBC__
    ::malloc_trim(0);
#endif
}

}  // namespace millrace::runtime
