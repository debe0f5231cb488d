#include "streams/app/global_state.h"

#include <mutex>

namespace millrace::streams {
namespace {

class CopiedIterator final : public BytesIterator {
public:
    explicit CopiedIterator(std::vector<std::pair<Bytes, Bytes>> entries)
        : entries_(std::move(entries)) {}
    bool valid() const override { return next_ < entries_.size(); }
    BytesView key() const override { return entries_[next_].first; }
    BytesView value() const override { return entries_[next_].second; }
    void next() override { ++next_; }

private:
    std::vector<std::pair<Bytes, Bytes>> entries_;
    size_t next_ = 0;
};

// Bytes in memory for several threads.
class LockedBytes final : public OrderedBytes {
public:
    NullableBytes get(BytesView key) override {
        const std::scoped_lock lock(mutex_);
        return bytes_->get(key);
    }
    void put(BytesView key, BytesView value) override {
        const std::scoped_lock lock(mutex_);
        bytes_->put(key, value);
    }
    void erase(BytesView key) override {
        const std::scoped_lock lock(mutex_);
        bytes_->erase(key);
    }
    std::unique_ptr<BytesIterator> range(BytesView from, NullableView to, bool backward) override {
        const std::scoped_lock lock(mutex_);
        std::vector<std::pair<Bytes, Bytes>> entries;
        for (auto it = bytes_->range(from, to, backward); it->valid(); it->next())
            entries.emplace_back(it->key(), it->value());
        return std::make_unique<CopiedIterator>(std::move(entries));
    }
    void erase_range(BytesView from, BytesView to) override {
        const std::scoped_lock lock(mutex_);
        bytes_->erase_range(from, to);
    }
    int64_t approximate_entries() override {
        const std::scoped_lock lock(mutex_);
        return bytes_->approximate_entries();
    }

private:
    std::mutex mutex_;
    std::unique_ptr<OrderedBytes> bytes_ = make_memory_bytes();
};

class SharedBytes final : public OrderedBytes {
public:
    explicit SharedBytes(std::shared_ptr<OrderedBytes> bytes) : bytes_(std::move(bytes)) {}
    NullableBytes get(BytesView key) override { return bytes_->get(key); }
    void put(BytesView key, BytesView value) override { bytes_->put(key, value); }
    void erase(BytesView key) override { bytes_->erase(key); }
    std::unique_ptr<BytesIterator> range(BytesView from, NullableView to, bool backward) override {
        return bytes_->range(from, to, backward);
    }
    void erase_range(BytesView from, BytesView to) override { bytes_->erase_range(from, to); }
    int64_t approximate_entries() override { return bytes_->approximate_entries(); }

private:
    std::shared_ptr<OrderedBytes> bytes_;
};

std::string name_of(const TopicPartition& partition) {
    return fmt::format("{}-{}", partition.topic, partition.partition);
}

}  // namespace

GlobalState::GlobalState(const TopologyPlan& plan, StateDirectory& directory)
    : state_(directory.open_global()) {
    for (const auto& [name, store] : plan.stores()) {
        if (!store.global) continue;
        const StoreSpec& spec = *store.spec;
        if (spec.kind != StoreKind::key_value && spec.kind != StoreKind::timestamped_key_value)
            throw TopologyException(fmt::format(
                "Invalid topology: the global store {} is not a key-value store", name));
        specs_[name] = store.spec;
        durable_ &= spec.persistent;
        if (spec.persistent)
            bytes_[name] = state_->open(spec);
        else
            bytes_[name] = std::make_shared<LockedBytes>();
    }
}

std::unique_ptr<OrderedBytes> GlobalState::open(const StoreSpec& spec) const {
    return std::make_unique<SharedBytes>(bytes_.at(spec.name));
}

Offset GlobalState::position(const TopicPartition& partition) const {
    return durable_ ? state_->position(name_of(partition)).value_or(0) : 0;
}

void GlobalState::set_position(const TopicPartition& partition, Offset next) {
    if (durable_) state_->set_position(name_of(partition), next);
}

GlobalStores::GlobalStores(const GlobalState& state, const StreamsConfig& config)
    : state_(state), defaults_{config.default_key_serde, config.default_value_serde} {
    for (const auto& [name, spec] : state.stores()) {
        owned_.push_back(spec->make(*spec));
        owned_.back()->init(*this);
        by_name_[name] = owned_.back().get();
    }
}

GlobalStores::~GlobalStores() {
    for (const auto& store : owned_) store->close();
}

}  // namespace millrace::streams
