// What a producer counts of its records: of all of them, and of those of each topic.
//
// Owner: ProducerSender, and the Accumulator for each topic. Loop: the producer's. Cost: by batch.
// Kafka: SenderMetricsRegistry.
#pragma once

#include "client/metrics/metric.h"
#include "client/metrics/sampled.h"

namespace millrace::client {

// A batch that goes out.
struct SentBatch {
    uint64_t records = 0;
    size_t bytes = 0;
    size_t plain_bytes = 0;  // without compression
};

struct SendCounts {
    uint64_t records = 0;   // in all attempts
    uint64_t bytes = 0;     // likewise
    uint64_t repeated = 0;  // records that were to be sent again
    uint64_t failed = 0;    // records given up
    Sampled sent;           // records of a batch
    Sampled batch_bytes;
    Sampled compression;  // bytes sent for each that was to be sent
    Sampled repeating;
    Sampled failing;

    void send(runtime::TimePoint now, const SentBatch& batch) {
        records += batch.records;
        bytes += batch.bytes;
        sent.record(now, static_cast<double>(batch.records));
        batch_bytes.record(now, static_cast<double>(batch.bytes));
        compression.record(
            now, static_cast<double>(batch.bytes) / static_cast<double>(batch.plain_bytes));
    }
    void repeat(runtime::TimePoint now, int32_t count) {
        repeated += static_cast<uint64_t>(count);
        repeating.record(now, count);
    }
    void fail(runtime::TimePoint now, int32_t count) {
        failed += static_cast<uint64_t>(count);
        failing.record(now, count);
    }
    // What both kinds tell.
    void add(MetricList& out, runtime::TimePoint now) const {
        out.meter("record-send", sent.rate(now), records);
        out.meter("record-retry", repeating.rate(now), repeated);
        out.meter("record-error", failing.rate(now), failed);
    }
};

// Of one topic: group "producer-topic-metrics".
inline void add_topic(MetricList& out, const std::string& topic, const SendCounts& counts,
                      runtime::TimePoint now) {
    out.begin_group("producer-topic-metrics", {{"topic", topic}});
    counts.add(out, now);
    out.meter("byte", counts.batch_bytes.rate(now), counts.bytes);
    out.gauge("compression-rate", counts.compression.average(now));
}

// How long the application's calls took, and what they waited for.
struct ProducerCalls {
    Duration flush{};
    Duration init{};  // of transactions, this and the next four
    Duration begin{};
    Duration offsets{};
    Duration commit{};
    Duration abort{};
    Duration metadata{};     // in send(), for a topic's metadata
    Duration room{};         // in send(), for buffer.memory
    Sampled room_ms;         // the same, of late
    int waiting_room = 0;    // calls that wait for it now
    uint64_t exhausted = 0;  // that waited in vain
    Sampled exhausting;

    // To the group that was begun.
    void add(MetricList& out, runtime::TimePoint now) const;
};

}  // namespace millrace::client
