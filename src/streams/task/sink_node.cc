#include "streams/task/sink_node.h"

#include "base/bytes.h"
#include "client/partitioner.h"

namespace millrace::streams {
namespace {

class SinkNode final : public Node {
public:
    SinkNode(const SinkSpec& spec, std::string topic, RecordCollector& collector)
        : spec_(spec), topic_(std::move(topic)), collector_(collector) {}

    void init(NodeContext& node) override {
        Node::init(node);
        const SerdeDefaults& defaults = node.serde_defaults();
        key_ = &defaults.key_serde(spec_.key_serde, *spec_.key_type, spec_.name);
        value_ = &defaults.value_serde(spec_.value_serde, *spec_.value_type, spec_.name);
    }

    void process(const RawRecord& record) override {
        if (record.timestamp < 0)
            throw StreamsException(fmt::format("{} got a record with the negative timestamp {}",
                                               spec_.name, record.timestamp));
        const NullableView key = bytes_of(*key_, record.key, key_bytes_);
        const NullableView value = bytes_of(*value_, record.value, value_bytes_);
        if (!spec_.extractor) return send(topic_, record, key, value);
        const RecordContext* where = context().record_context();
        send(spec_.extractor(record.key, record.value, *where), record, key, value);
    }

private:
    // The buffer is kept, so that a record costs no allocation.
    static NullableView bytes_of(const AnySerde& serde, Ref value, Bytes& buffer) {
        if (!value) return std::nullopt;
        buffer.clear();
        serde.serialize(value, buffer);
        return buffer;
    }

    void send(std::string_view topic, const RawRecord& record, NullableView key,
              NullableView value) {
        if (spec_.partitioner) {
            const auto chosen =
                spec_.partitioner(topic, record.key, record.value, collector_.partitions(topic));
            if (chosen) {
                if (chosen->empty()) context().dropped("the partitioner chose no partition");
                for (PartitionIndex partition : *chosen)
                    collector_.send(topic, partition, key, value, record.timestamp,
                                    *record.headers);
                return;
            }
        }
        collector_.send(topic, partition_of(topic, record.key), key, value, record.timestamp,
                        *record.headers);
    }

    // Only a windowed key is not partitioned by its bytes.
    std::optional<PartitionIndex> partition_of(std::string_view topic, Ref key) {
        if (!key) return std::nullopt;
        partition_bytes_.clear();
        if (!key_->serialize_for_partition(key, partition_bytes_)) return std::nullopt;
        const auto hash = static_cast<uint32_t>(client::murmur2(as_bytes(partition_bytes_)));
        return static_cast<PartitionIndex>((hash & 0x7fffffff) %
                                           static_cast<uint32_t>(collector_.partitions(topic)));
    }

    const SinkSpec& spec_;
    std::string topic_;
    RecordCollector& collector_;
    const AnySerde* key_ = nullptr;
    const AnySerde* value_ = nullptr;
    Bytes key_bytes_;
    Bytes value_bytes_;
    Bytes partition_bytes_;
};

}  // namespace

std::unique_ptr<Node> make_sink(const SinkSpec& spec, std::string topic,
                                RecordCollector& collector) {
    return std::make_unique<SinkNode>(spec, std::move(topic), collector);
}

}  // namespace millrace::streams
