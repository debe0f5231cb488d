// For this room's tests, fuzzers and benchmarks: a loop, a disk and a folder of its own that goes
// away with it, and batches to append.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string>

#include "protocol/record_batch_builder.h"
#include "runtime/linux_disk.h"
#include "runtime/linux_loop.h"
#include "storage/log.h"
#include "storage/shard.h"

namespace millrace::storage {

struct TestPlace {
    explicit TestPlace(ShardLimits limits = {})
        : root(std::filesystem::temp_directory_path() /
               ("millrace-storage-" + std::to_string(::getpid()) + "-" + std::to_string(++made))),
          shard_limits(limits) {
        std::filesystem::create_directories(root);
    }
    ~TestPlace() {
        shard.reset();
        std::filesystem::remove_all(root);
    }

    template <typename T>
    T run(runtime::Task<T> task) {
        return loop.run_for_result(std::move(task));
    }

    // A new shard, as after a restart: all logs of the old one must be gone.
    Shard& fresh_shard() { return shard.emplace(disk, shard_limits); }
    Result<std::unique_ptr<Log>> open(LogOpen how) {
        if (!shard) fresh_shard();
        std::filesystem::create_directories(how.directory);
        return run(Log::open(*shard, std::move(how)));
    }

    static inline int made = 0;
    std::string root;
    runtime::LinuxLoop loop;
    runtime::BlockingPool pool{1};
    runtime::LinuxDisk disk{pool};
    ShardLimits shard_limits;
    std::optional<Shard> shard;
};

// One batch of `count` records whose values are `value`.
inline std::vector<uint8_t> make_batch(int count, std::string_view value,
                                       protocol::BatchOptions options = {},
                                       TimestampMs timestamp = 1000) {
    protocol::BatchBuilder builder(options);
    for (int i = 0; i < count; ++i) builder.append(timestamp + i, std::nullopt, as_bytes(value));
    return *builder.finish();
}

inline std::vector<uint8_t> make_marker(bool abort, ProducerId producer, ProducerEpoch epoch,
                                        int32_t coordinator_epoch, TimestampMs timestamp = 1000) {
    protocol::BatchBuilder builder(
        {.producer_id = producer, .producer_epoch = epoch, .transactional = true, .control = true});
    const auto body = protocol::encode_end_txn_marker(coordinator_epoch);
    builder.append_control(
        timestamp, abort ? protocol::ControlType::abort : protocol::ControlType::commit, body);
    return *builder.finish();
}

inline AppendBytes to_append(std::vector<uint8_t> batch) {
    auto owner = std::make_shared<std::vector<uint8_t>>(std::move(batch));
    const MutableByteView view{*owner};
    return {view, std::move(owner)};
}

// What a read gave, as bytes: memory and file parts alike.
inline std::vector<uint8_t> flatten(const Chain& chain) {
    std::vector<uint8_t> out;
    for (const ChainPart& part : chain.parts()) {
        const size_t at = out.size();
        out.resize(at + part.size());
        if (part.file) {
            auto& file = *static_cast<runtime::File*>(part.file.get());
            auto read = file.read_at_now(part.position, MutableByteView{out}.subspan(at));
            if (!read || *read != part.length) return {};
        } else {
            std::ranges::copy(part.bytes, out.begin() + static_cast<std::ptrdiff_t>(at));
        }
    }
    return out;
}

}  // namespace millrace::storage
