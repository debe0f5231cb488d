#include "runtime/frame_pool.h"

#include <cstdlib>
#include <new>

namespace millrace::runtime {
namespace {

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MILLRACE_PLAIN_FRAMES 1
#endif
#endif

constexpr size_t kClassBytes = 64;
constexpr size_t kClasses = 32;  // up to 2 KiB; larger frames are rare and go to malloc
constexpr size_t kFreePerClassMax = 1024;

struct FreeFrame {
    FreeFrame* next;
};

struct Pool {
    FreeFrame* free[kClasses] = {};
    size_t count[kClasses] = {};
    ~Pool() {
        for (FreeFrame* frame : free)
            while (frame) {
                FreeFrame* next = frame->next;
                std::free(frame);
                frame = next;
            }
    }
};

thread_local Pool pool;

size_t class_of(size_t size) {
    return (size + kClassBytes - 1) / kClassBytes - 1;
}

void* checked_malloc(size_t size) {
    void* p = std::malloc(size);
    if (!p) throw std::bad_alloc{};
    return p;
}

}  // namespace

void* frame_allocate(size_t size) {
#ifndef MILLRACE_PLAIN_FRAMES
    const size_t c = class_of(size);
    if (c < kClasses) {
        if (FreeFrame* frame = pool.free[c]) {
            pool.free[c] = frame->next;
            --pool.count[c];
            return frame;
        }
        return checked_malloc((c + 1) * kClassBytes);
    }
#endif
    return checked_malloc(size);
}

void frame_release(void* frame, [[maybe_unused]] size_t size) {
#ifndef MILLRACE_PLAIN_FRAMES
    const size_t c = class_of(size);
    if (c < kClasses && pool.count[c] < kFreePerClassMax) {
        pool.free[c] = new (frame) FreeFrame{pool.free[c]};
        ++pool.count[c];
        return;
    }
#endif
    std::free(frame);
}

}  // namespace millrace::runtime
