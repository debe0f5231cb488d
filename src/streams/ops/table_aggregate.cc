#include "streams/ops/table_aggregate.h"

#include <algorithm>

#include "base/varint.h"
#include "streams/ops/table_store.h"

namespace millrace::streams::ops {
namespace {

enum Content : char { kOld = 0, kNew = 1, kBoth = 2 };

class GroupByNode final : public Node {
public:
    explicit GroupByNode(const GroupBy& spec) : spec_(spec) {}

    void init(NodeContext& node) override {
        Node::init(node);
        key_ = &node.serde_defaults().key_serde(spec_.key_serde, *spec_.key, spec_.name);
        value_ = &node.serde_defaults().value_serde(spec_.value_serde, *spec_.value, spec_.name);
    }

    void process(const RawRecord& record) override {
        if (!record.key)
            throw StreamsException(fmt::format("{}: a table's key must not be null", spec_.name));
        const Change& change = *static_cast<const Change*>(record.value);
        if (spec_.versioned && !change.is_latest) return context().dropped("it is out of order");
        const auto [new_key, new_value] = map(record.key, change.new_value);
        const auto [old_key, old_value] = map(record.key, change.old_value);
        const NullableBytes new_bytes = bytes_of(new_key, new_value);
        const NullableBytes old_bytes = bytes_of(old_key, old_value);
        // What leaves a group comes before what enters one.
        if (new_bytes && old_bytes && same(new_key, old_key))
            return send(record, new_key, {view_of(new_bytes), view_of(old_bytes)});
        if (old_bytes) send(record, old_key, {std::nullopt, view_of(old_bytes)});
        if (new_bytes) send(record, new_key, {view_of(new_bytes), std::nullopt});
    }

private:
    std::pair<Box, Box> map(Ref key, Ref value) const {
        if (!value) return {};
        return spec_.mapper(key, value);
    }
    // Null unless there are both a key and a value.
    NullableBytes bytes_of(const Box& key, const Box& value) const {
        if (!key) return std::nullopt;
        return serialize(*value_, value.get());
    }
    bool same(const Box& a, const Box& b) const {
        return serialize(*key_, a.get()) == serialize(*key_, b.get());
    }
    void send(const RawRecord& record, const Box& key, const ChangeBytes& change) const {
        const Bytes bytes = encode_change(change);
        forward({key.get(), &bytes, record.timestamp, record.headers});
    }

    GroupBy spec_;
    const AnySerde* key_ = nullptr;
    const AnySerde* value_ = nullptr;
};

class TableAggregateNode final : public Node {
public:
    explicit TableAggregateNode(const TableAggregation& spec)
        : spec_(spec), send_old_(spec.old_values->wanted) {}

    void init(NodeContext& node) override {
        Node::init(node);
        value_ = &node.serde_defaults().value_serde(spec_.value_serde, *spec_.value, spec_.name);
        kept_.init(node, spec_.store, send_old_);
    }

    void process(const RawRecord& record) override {
        if (!record.key)
            throw StreamsException(fmt::format("{}: a group's key must not be null", spec_.name));
        const ChangeBytes change = decode_change(*static_cast<const Bytes*>(record.value));
        StoredValue stored = kept_.store().get(record.key);
        // What is below may want the value before, which the aggregator takes over.
        const Box old = send_old_ ? kept_.store().get(record.key).value : Box();
        const bool had = static_cast<bool>(stored);
        TimestampMs timestamp = record.timestamp;
        Box aggregate = std::move(stored.value);
        if (change.old_value && had) {
            aggregate = spec_.subtract(record.key, deserialize(*value_, change.old_value),
                                       std::move(aggregate));
            timestamp = std::max(timestamp, stored.timestamp);
        }
        if (change.new_value) {
            aggregate =
                spec_.add(record.key, deserialize(*value_, change.new_value), std::move(aggregate));
            if (had) timestamp = std::max(timestamp, stored.timestamp);
        }
        kept_.put(record.at(timestamp), aggregate.get(), old.get());
    }

private:
    TableAggregation spec_;
    bool send_old_;
    const AnySerde* value_ = nullptr;
    KeptTable kept_;
};

}  // namespace

Bytes encode_change(const ChangeBytes& change) {
    Bytes bytes;
    if (change.new_value && change.old_value) {
        uint8_t length[10];
        const uint64_t size = zigzag32(static_cast<int32_t>(change.new_value->size()));
        const uint8_t* end = write_uvarint(length, size);
        bytes.append(reinterpret_cast<const char*>(length), static_cast<size_t>(end - length));
        bytes += *change.new_value;
        bytes += *change.old_value;
        bytes += kBoth;
    } else if (change.new_value) {
        bytes += *change.new_value;
        bytes += kNew;
    } else if (change.old_value) {
        bytes += *change.old_value;
        bytes += kOld;
    }
    return bytes;
}

ChangeBytes decode_change(BytesView bytes) {
    const auto refuse = [] {
        return SerializationException("these bytes are no change of a table");
    };
    if (bytes.empty()) throw refuse();
    const char content = bytes.back();
    bytes.remove_suffix(1);
    if (content == kNew) return {bytes, std::nullopt};
    if (content == kOld) return {std::nullopt, bytes};
    if (content != kBoth) throw refuse();
    const auto* begin = reinterpret_cast<const uint8_t*>(bytes.data());
    uint32_t raw = 0;
    const uint8_t* at = read_uvarint32(begin, begin + bytes.size(), raw);
    if (!at) throw refuse();
    bytes.remove_prefix(static_cast<size_t>(at - begin));
    const int32_t size = unzigzag32(raw);
    if (size < 0 || static_cast<size_t>(size) > bytes.size()) throw refuse();
    return {bytes.substr(0, static_cast<size_t>(size)), bytes.substr(static_cast<size_t>(size))};
}

NodeSupplier group_by(GroupBy spec) {
    return [spec = std::move(spec)] { return std::make_unique<GroupByNode>(spec); };
}

NodeSupplier table_aggregate(TableAggregation spec) {
    return [spec = std::move(spec)] { return std::make_unique<TableAggregateNode>(spec); };
}

}  // namespace millrace::streams::ops
