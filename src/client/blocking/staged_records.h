// Records on their way from any threads to the loop of a producer: copied, under a lock, into memory
// that the loop takes away as a whole.
//
// Owner: BlockingProducer, which dies after the last put(). Bound: kRoom bytes wait (or one record
// that is larger), and as many are with the loop.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "base/result.h"
#include "client/record.h"
#include "runtime/event.h"

namespace millrace::client {

// Is told where a record is now, or why it is nowhere.
using OnDelivery = std::function<void(const Result<RecordPlace>&)>;

class StagedRecords final : runtime::Remote {
public:
    static constexpr size_t kRoom = 1u << 20;

    // What was put between two visits of the loop.
    class Load {
    public:
        struct Entry {
            Record record;           // views into the load
            OnDelivery on_delivery;  // may be empty
        };
        const std::vector<Entry>& entries() const { return entries_; }
        bool empty() const { return entries_.empty(); }
        bool has_room(size_t bytes) const;
        // `bytes`: of memory_for(record).
        void add(const Record& record, OnDelivery on_delivery, size_t bytes);
        void clear();

        static size_t memory_for(const Record& record);

    private:
        std::string_view keep(std::string_view text);
        std::optional<ByteView> keep(const std::optional<ByteView>& bytes);

        std::vector<Entry> entries_;
        std::vector<uint8_t> memory_;  // never grows beyond what is reserved: views stay good
        std::vector<std::unique_ptr<RecordHeader[]>> headers_;
    };

    explicit StagedRecords(runtime::Loop& loop) : loop_(loop) {}

    // Any thread. Waits for room; errors: deadline_exceeded after `patience`, cancelled (closed).
    Result<void> put(const Record& record, OnDelivery on_delivery,
                     std::chrono::milliseconds patience);
    // Any thread: how many were put until now.
    uint64_t count() const;
    // Any thread: nothing more is taken from put().
    void close();

    // The loop's: takes what was put for `load`, which must be empty; false: nothing was.
    bool take(Load& load);
    // The loop's: rings after something was put.
    runtime::Signal& filled() { return filled_; }

private:
    void run() override;

    runtime::Loop& loop_;
    runtime::Signal filled_;

    mutable std::mutex mutex_;  // docs/LOCKS.md; guards all below
    std::condition_variable room_;
    Load load_;
    uint64_t count_ = 0;
    bool on_its_way_ = false;  // this, as a message to the loop
    bool closed_ = false;
};

}  // namespace millrace::client
