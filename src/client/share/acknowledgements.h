// What became of records that a share group gave this consumer: said by the application, kept here
// until it is sent.
//
// Pure state. Owner: ShareConsumer. Kafka: ShareInFlightBatch, Acknowledgements.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "base/uuid.h"
#include "runtime/event.h"

namespace millrace::client {

// The numbers are the protocol's.
enum class AcknowledgeType : int8_t {
    gap = 0,      // there is no record at that offset; the client's own
    accept = 1,   // processed
    release = 2,  // not processed: to be delivered again
    reject = 3,   // never to be delivered again
    renew = 4,    // still being processed: the lock begins anew (KIP-1222)
};

// The offsets [first, last] have all become the same.
struct AcknowledgedRange {
    Offset first = 0;
    Offset last = 0;
    AcknowledgeType type = AcknowledgeType::accept;
    friend bool operator==(const AcknowledgedRange&, const AcknowledgedRange&) = default;
};

// One commit of the application, and what came of it.
struct ShareCommit {
    size_t waiting = 0;  // parts without an answer
    std::map<TopicPartition, Result<void>> results;
    runtime::Signal settled;  // rings when there are none left
};

// For one partition, on its way to the broker that gave the records.
struct PartitionAcknowledgement {
    TopicPartition place;
    Uuid topic_id;
    NodeId node = -1;
    std::vector<AcknowledgedRange> ranges;  // ascending
    // Until when an attempt that failed is repeated.
    runtime::TimePoint deadline{};
    runtime::TimePoint queued{};          // when it was last put into the queue of its broker
    std::shared_ptr<ShareCommit> commit;  // nullptr: nobody waits
    bool renews() const;
};

// Adds [first, last], above what is there, joining neighbours of one type.
void add_range(std::vector<AcknowledgedRange>& ranges, Offset first, Offset last,
               AcknowledgeType type);

class DeliveredRecords {
public:
    // What poll() gave out of one batch of one partition: the offsets [first, last] that were
    // acquired, all of them records or gaps.
    struct Range {
        Offset first = 0;
        Offset last = 0;
    };
    void add(const TopicPartition& place, const Uuid& topic_id, NodeId node,
             std::span<const Range> acquired);
    // The same, where each record is acknowledged for itself: `records` are the offsets (ascending)
    // at which there are some.
    void add_each(const TopicPartition& place, const Uuid& topic_id, NodeId node,
                  std::span<const Range> acquired, std::span<const Offset> records);

    // Says what became of a record; what was said before, and not sent, counts no more. False when
    // it was not delivered, or has been sent.
    bool acknowledge(const TopicPartition& place, Offset offset, AcknowledgeType type);
    // Records of which nothing was ever said. (A renewed one is not open; it may be acknowledged
    // until its lock ends.)
    size_t open() const { return open_; }

    // What is to be sent now. Records that nothing was said of stay. Those that were renewed stay
    // too, for their last word.
    std::vector<PartitionAcknowledgement> take();
    // As if everything that nothing was said of had become `type`.
    std::vector<PartitionAcknowledgement> take_all(AcknowledgeType type);
    // A renewal failed: somebody else may have them.
    void forget(const PartitionAcknowledgement& failed);

private:
    static constexpr int8_t kOpen = -1;
    static constexpr int8_t kRenewed = -2;
    struct Record {
        Offset offset;
        int8_t state;  // kOpen, kRenewed, or what is to be sent
    };
    struct Delivery {
        TopicPartition place;
        Uuid topic_id;
        NodeId node = -1;
        std::vector<Range> ranges;    // all of it has one fate
        std::vector<Record> records;  // or each has its own
    };
    Delivery& delivery(const TopicPartition& place, const Uuid& topic_id, NodeId node,
                       Offset first);
    std::vector<PartitionAcknowledgement> collect(const AcknowledgeType* for_open);

    std::vector<Delivery> deliveries_;
    size_t open_ = 0;
};

}  // namespace millrace::client
