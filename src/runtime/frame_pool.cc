#include "runtime/frame_pool.h"

#include <cstdlib>
#include <new>

namespace millrace::runtime {
namespace {

void* checked_malloc(size_t size) {
    void* p = std::malloc(size);
    if (!p) throw std::bad_alloc{};
    return p;
}

}  // namespace

#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)

void* frame_allocate(size_t size) {
    return checked_malloc(size);
}
void frame_release(void* frame, size_t) {
    std::free(frame);
}

#else

namespace {

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
            while (frame) std::free(std::exchange(frame, frame->next));
    }
};

thread_local constinit Pool pool;

size_t class_of(size_t size) {
    return (size + kClassBytes - 1) / kClassBytes - 1;
}

}  // namespace

void* frame_allocate(size_t size) {
    const size_t c = class_of(size);
    if (c >= kClasses) return checked_malloc(size);
    if (FreeFrame* frame = pool.free[c]) {
        pool.free[c] = frame->next;
        --pool.count[c];
        return frame;
    }
    return checked_malloc((c + 1) * kClassBytes);
}

void frame_release(void* frame, size_t size) {
    const size_t c = class_of(size);
    if (c >= kClasses || pool.count[c] >= kFreePerClassMax) return std::free(frame);
    pool.free[c] = new (frame) FreeFrame{pool.free[c]};
    ++pool.count[c];
}

#endif

}  // namespace millrace::runtime
