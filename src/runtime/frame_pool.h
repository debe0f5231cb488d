// Memory for coroutine frames: per thread, one free list for each size class, so that an await that
// starts a child task costs a pop and a push instead of malloc and free. Under the address
// sanitizer it is plain malloc, so that use after free is seen.
#pragma once

#include <cstddef>

namespace millrace::runtime {

void* frame_allocate(size_t size);
void frame_release(void* frame, size_t size);

}  // namespace millrace::runtime
