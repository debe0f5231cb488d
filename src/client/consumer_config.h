// What a consumer may be told. Kafka: ConsumerConfig.
#pragma once

#include <functional>
#include <memory>

#include "client/assign/assignor.h"
#include "client/client_config.h"

namespace millrace::client {

// Where to begin without a committed offset, or when a position is not in the log (any more).
struct OffsetReset {
    enum class Kind : uint8_t { latest, earliest, none, by_duration };
    Kind kind = Kind::latest;
    std::chrono::milliseconds duration{0};  // by_duration: so long before now

    // "latest", "earliest", "none", "by_duration:PT1H30M" (ISO 8601, days and smaller).
    // invalid_config.
    static Result<OffsetReset> parse(std::string_view text);
};

enum class GroupProtocol : uint8_t { classic, consumer };
// The numbers are the protocol's.
enum class IsolationLevel : int8_t { read_uncommitted = 0, read_committed = 1 };

struct ConsumerConfig {
    using ms = std::chrono::milliseconds;

    ClientConfig client;
    std::string group_id;           // empty: no group, no commits
    std::string group_instance_id;  // empty: a dynamic member
    GroupProtocol group_protocol = GroupProtocol::classic;
    // Classic: names of assignors (assign/assignor.h), the first is liked best.
    std::vector<std::string> assignors{"range", "cooperative-sticky"};
    // Classic: instead of those, an assignor of the application's own.
    std::function<std::unique_ptr<Assignor>()> assignor_factory;
    // Consumer protocol: empty, the group's default.
    std::string group_remote_assignor;
    ms session_timeout{45'000};    // classic
    ms heartbeat_interval{3'000};  // classic
    // A member that does not call poll() for so long leaves its group.
    ms max_poll_interval{300'000};
    // Of one poll(). A batch that is too much for it is given out in pieces.
    int32_t max_poll_records = 500;
    bool auto_commit = true;  // with a group
    ms auto_commit_interval{5'000};
    OffsetReset offset_reset;
    IsolationLevel isolation = IsolationLevel::read_uncommitted;
    bool check_crcs = true;
    bool exclude_internal_topics = true;  // from subscriptions by pattern
    std::string client_rack;              // empty: none; else followers may be read (KIP-392)

    int32_t fetch_min_bytes = 1;
    ms fetch_max_wait{500};
    int32_t fetch_max_bytes = 52'428'800;           // of one answer
    int32_t max_partition_fetch_bytes = 1'048'576;  // of one partition in it
    // Ours: bytes that were fetched and not yet given out. Nothing is asked for above it, so what
    // one fetch brings may come on top.
    int64_t prefetch_bytes = 33'554'432;  // millrace.prefetch.bytes

    // invalid_config also for what does not go together.
    static Result<ConsumerConfig> from(const Settings& settings);
    Result<void> check() const;
};

}  // namespace millrace::client
