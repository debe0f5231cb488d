#include "group/metadata_hash.h"

#include <xxhash.h>

#include <algorithm>
#include <vector>

#include "base/java_text.h"

namespace millrace::group {
namespace {

class HashInput {
public:
    void number(uint64_t v, int bytes) {
        for (int i = 0; i < bytes; i++) bytes_.push_back(static_cast<uint8_t>(v >> (8 * i)));
    }
    void int32(size_t v) { number(v, 4); }
    size_t text(std::string_view utf8) {
        size_t units = 0;
        each_utf16(utf8, [&](uint16_t unit) {
            number(unit, 2);
            units++;
        });
        int32(units);
        return units;
    }
    int64_t hash() const { return static_cast<int64_t>(XXH3_64bits(bytes_.data(), bytes_.size())); }

private:
    std::vector<uint8_t> bytes_;
};

size_t utf16_length(std::string_view utf8) {
    size_t units = 0;
    each_utf16(utf8, [&](uint16_t) { units++; });
    return units;
}

}  // namespace

namespace {

int64_t topic_hash(const TopicInfo& topic,
                   const std::vector<std::vector<std::string>>& racks_by_partition) {
    HashInput in;
    in.number(0, 1);
    in.number(topic.id.high, 8);
    in.number(topic.id.low, 8);
    in.text(topic.name);
    in.int32(static_cast<size_t>(topic.partitions));
    for (size_t p = 0; p < static_cast<size_t>(topic.partitions); p++) {
        in.int32(p);
        if (p >= racks_by_partition.size()) continue;
        std::vector<std::string> racks = racks_by_partition[p];
        std::ranges::sort(racks);
        for (const std::string& rack : racks) {
            in.int32(utf16_length(rack));
            in.text(rack);
        }
    }
    return in.hash();
}

}  // namespace

int64_t metadata_hash(const std::set<std::string, std::less<>>& topics,
                      const ClusterView& cluster) {
    HashInput in;
    bool any = false;
    for (const std::string& name : topics)
        if (auto topic = cluster.topic(name)) {
            in.number(static_cast<uint64_t>(topic_hash(*topic, cluster.racks(topic->id))), 8);
            any = true;
        }
    return any ? in.hash() : 0;
}

}  // namespace millrace::group
