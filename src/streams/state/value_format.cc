#include "streams/state/value_format.h"

#include "streams/state/ordered_bytes.h"

namespace millrace::streams {
namespace {

Bytes with_no_timestamp(BytesView value) {
    Bytes bytes;
    bytes.reserve(ValueFormat::kTimestamp + value.size());
    append_be(bytes, TimestampMs{-1});
    bytes += value;
    return bytes;
}

class DroppingIterator final : public BytesIterator {
public:
    explicit DroppingIterator(std::unique_ptr<BytesIterator> below) : below_(std::move(below)) {
        read();
    }
    bool valid() const override { return below_->valid(); }
    BytesView key() const override { return below_->key(); }
    BytesView value() const override { return value_; }
    void next() override {
        below_->next();
        read();
    }

private:
    void read() {
        if (below_->valid()) value_ = with_no_timestamp(below_->value());
    }
    std::unique_ptr<BytesIterator> below_;
    Bytes value_;
};

class DroppingBytes final : public OrderedBytes {
public:
    explicit DroppingBytes(std::unique_ptr<OrderedBytes> below) : below_(std::move(below)) {}
    NullableBytes get(BytesView key) override {
        const NullableBytes value = below_->get(key);
        return value ? NullableBytes(with_no_timestamp(*value)) : std::nullopt;
    }
    void put(BytesView key, BytesView value) override {
        below_->put(key, value.substr(ValueFormat::kTimestamp));
    }
    void erase(BytesView key) override { below_->erase(key); }
    std::unique_ptr<BytesIterator> range(BytesView from, NullableView to, bool backward) override {
        return std::make_unique<DroppingIterator>(below_->range(from, to, backward));
    }
    void erase_range(BytesView from, BytesView to) override { below_->erase_range(from, to); }
    int64_t approximate_entries() override { return below_->approximate_entries(); }

private:
    std::unique_ptr<OrderedBytes> below_;
};

}  // namespace

std::unique_ptr<OrderedBytes> drop_timestamps(std::unique_ptr<OrderedBytes> bytes) {
    return std::make_unique<DroppingBytes>(std::move(bytes));
}

}  // namespace millrace::streams
