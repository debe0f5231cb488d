// Memory that compressed batches are unpacked to: it comes back when the batch dies, so that the
// next one finds memory that is touched already.
//
// Owner: the fetcher; batches may outlive it. Threads: batches may die on any. Bound: kKeptBytesMax
// bytes wait for reuse.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "base/bytes.h"

namespace millrace::client {

class UnpackPool {
public:
    // A vector to decompress into (its size and content are left from its last use), and what keeps
    // it alive together with `received`.
    struct Room {
        std::shared_ptr<const void> owner;
        std::vector<uint8_t>* bytes;
    };
    Room take(std::shared_ptr<const void> received) {
        auto* held = new Held{std::move(received), {}};
        held->bytes = take_free(*free_);
        return {std::shared_ptr<Held>(held,
                                      [free = free_](Held* done) {
                                          give_back(*free, std::move(done->bytes));
                                          delete done;
                                      }),
                &held->bytes};
    }

private:
    static constexpr size_t kKeptBytesMax = 4u << 20;

    struct Free {
        std::mutex mutex;  // docs/LOCKS.md; guards all below
        std::vector<std::vector<uint8_t>> rooms;
        size_t bytes = 0;
    };
    struct Held {
        std::shared_ptr<const void> received;
        std::vector<uint8_t> bytes;
    };
    static std::vector<uint8_t> take_free(Free& free) {
        const std::lock_guard lock{free.mutex};
        if (free.rooms.empty()) return {};
        std::vector<uint8_t> bytes = std::move(free.rooms.back());
        free.rooms.pop_back();
        free.bytes -= bytes.capacity();
        return bytes;
    }
    static void give_back(Free& free, std::vector<uint8_t> bytes) {
        const std::lock_guard lock{free.mutex};
        if (bytes.empty() || free.bytes + bytes.capacity() > kKeptBytesMax) return;
        free.bytes += bytes.capacity();
        free.rooms.push_back(std::move(bytes));
    }

    std::shared_ptr<Free> free_ = std::make_shared<Free>();
};

}  // namespace millrace::client
