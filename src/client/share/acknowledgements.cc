#include "client/share/acknowledgements.h"

#include <algorithm>
#include <ranges>

namespace millrace::client {

void add_range(std::vector<AcknowledgedRange>& ranges, Offset first, Offset last,
               AcknowledgeType type) {
    if (!ranges.empty() && ranges.back().last + 1 == first && ranges.back().type == type)
        ranges.back().last = last;
    else
        ranges.push_back({first, last, type});
}

bool PartitionAcknowledgement::renews() const {
    return std::ranges::any_of(
        ranges, [](const AcknowledgedRange& r) { return r.type == AcknowledgeType::renew; });
}

// Batches of one partition that follow each other are one delivery. What is delivered again may lie
// before what is there.
DeliveredRecords::Delivery& DeliveredRecords::delivery(const TopicPartition& place,
                                                       const Uuid& topic_id, NodeId node,
                                                       Offset first) {
    for (Delivery& known : std::views::reverse(deliveries_)) {
        if (known.place != place) continue;
        const Offset end = std::max(known.ranges.empty() ? -1 : known.ranges.back().last,
                                    known.records.empty() ? -1 : known.records.back().offset);
        if (known.topic_id == topic_id && known.node == node && end < first) return known;
        break;
    }
    return deliveries_.emplace_back(
        Delivery{.place = place, .topic_id = topic_id, .node = node, .ranges = {}, .records = {}});
}

void DeliveredRecords::add(const TopicPartition& place, const Uuid& topic_id, NodeId node,
                           std::span<const Range> acquired) {
    if (acquired.empty()) return;
    Delivery& to = delivery(place, topic_id, node, acquired.front().first);
    for (const Range& range : acquired) {
        to.ranges.push_back(range);
        open_ += static_cast<size_t>(range.last - range.first + 1);
    }
}

void DeliveredRecords::add_each(const TopicPartition& place, const Uuid& topic_id, NodeId node,
                                std::span<const Range> acquired, std::span<const Offset> records) {
    if (acquired.empty()) return;
    Delivery& to = delivery(place, topic_id, node, acquired.front().first);
    auto record = records.begin();
    for (const Range& range : acquired) {
        for (Offset at = range.first; at <= range.last; ++at) {
            while (record != records.end() && *record < at) ++record;
            const bool there = record != records.end() && *record == at;
            to.records.push_back({at, there ? kOpen : static_cast<int8_t>(AcknowledgeType::gap)});
            if (there) ++open_;
        }
    }
}

bool DeliveredRecords::acknowledge(const TopicPartition& place, Offset offset,
                                   AcknowledgeType type) {
    // The newest counts: an older one is of a lock that has ended.
    for (Delivery& delivery : std::views::reverse(deliveries_)) {
        if (delivery.place != place) continue;
        const auto found = std::ranges::lower_bound(delivery.records, offset, {}, &Record::offset);
        if (found == delivery.records.end() || found->offset != offset) continue;
        if (found->state == static_cast<int8_t>(AcknowledgeType::gap)) return false;
        if (found->state == kOpen) --open_;
        found->state = static_cast<int8_t>(type);
        return true;
    }
    return false;
}

std::vector<PartitionAcknowledgement> DeliveredRecords::collect(const AcknowledgeType* for_open) {
    std::vector<PartitionAcknowledgement> out;
    for (Delivery& delivery : deliveries_) {
        PartitionAcknowledgement part{.place = delivery.place,
                                      .topic_id = delivery.topic_id,
                                      .node = delivery.node,
                                      .ranges = {},
                                      .deadline = {},
                                      .commit = nullptr};
        if (for_open) {
            for (const Range& range : delivery.ranges) {
                add_range(part.ranges, range.first, range.last, *for_open);
                open_ -= static_cast<size_t>(range.last - range.first + 1);
            }
            delivery.ranges.clear();
        }
        for (Record& record : delivery.records) {
            if (record.state < 0) {
                if (!for_open) continue;
                if (record.state == kOpen) --open_;
                record.state = static_cast<int8_t>(*for_open);
            }
            const auto type = static_cast<AcknowledgeType>(record.state);
            add_range(part.ranges, record.offset, record.offset, type);
            if (type == AcknowledgeType::renew) record.state = kRenewed;
        }
        std::erase_if(delivery.records, [](const Record& record) { return record.state >= 0; });
        if (!part.ranges.empty()) out.push_back(std::move(part));
    }
    std::erase_if(deliveries_,
                  [](const Delivery& d) { return d.ranges.empty() && d.records.empty(); });
    return out;
}

std::vector<PartitionAcknowledgement> DeliveredRecords::take() {
    return collect(nullptr);
}

std::vector<PartitionAcknowledgement> DeliveredRecords::take_all(AcknowledgeType type) {
    return collect(&type);
}

void DeliveredRecords::forget(const PartitionAcknowledgement& failed) {
    for (Delivery& delivery : deliveries_) {
        if (delivery.place != failed.place || delivery.node != failed.node) continue;
        std::erase_if(delivery.records, [&](const Record& record) {
            return record.state == kRenewed &&
                   std::ranges::any_of(failed.ranges, [&](const AcknowledgedRange& range) {
                       return range.type == AcknowledgeType::renew &&
                              range.first <= record.offset && record.offset <= range.last;
                   });
        });
    }
    std::erase_if(deliveries_,
                  [](const Delivery& d) { return d.ranges.empty() && d.records.empty(); });
}

}  // namespace millrace::client
