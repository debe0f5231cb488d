// What the operations of the DSL can be told: names, serdes, stores. Values: every with_…() gives
// another one. Kafka: Consumed, Produced, Grouped, Joined, StreamJoined, Repartitioned,
// Materialized, Named, Branched, Suppressed.
#pragma once

#include <chrono>

#include "streams/dsl/options.h"
#include "streams/state_stores.h"

namespace millrace::streams {

// The name of an operation's node; absent, one is generated.
struct Named {
    dsl::Name name;
    static Named as(std::string name) { return {std::move(name)}; }
};
using Branched = Named;

namespace detail {
// What the option types share: copy, change, return.
template <typename Self, typename Raw>
class Option {
public:
    const Raw& raw() const { return raw_; }
    Self with_name(std::string name) const {
        return with([&](Raw& raw) { raw.name = std::move(name); });
    }
    static Self as(std::string name) { return Self().with_name(std::move(name)); }

protected:
    template <typename F>
    Self with(F change) const {
        Self copy = static_cast<const Self&>(*this);
        change(copy.raw_);
        return copy;
    }
    Raw raw_;
};
}  // namespace detail

template <typename K, typename V>
class Consumed : public detail::Option<Consumed<K, V>, dsl::Consumed> {
public:
    static Consumed with(const Serde<K>& key, const Serde<V>& value) {
        return Consumed().with_key_serde(key).with_value_serde(value);
    }
    Consumed with_key_serde(const Serde<K>& serde) const {
        return this->Option::with([&](auto& raw) { raw.key = serde.erased(); });
    }
    Consumed with_value_serde(const Serde<V>& serde) const {
        return this->Option::with([&](auto& raw) { raw.value = serde.erased(); });
    }
    Consumed with_timestamp_extractor(TimestampExtractor extractor) const {
        return this->Option::with([&](auto& raw) { raw.timestamp = std::move(extractor); });
    }
    Consumed with_offset_reset_policy(AutoOffsetReset reset) const {
        return this->Option::with([&](auto& raw) { raw.offset_reset = reset; });
    }

private:
    using Option = detail::Option<Consumed, dsl::Consumed>;
};

template <typename K, typename V>
class Produced : public detail::Option<Produced<K, V>, dsl::Produced> {
public:
    static Produced with(const Serde<K>& key, const Serde<V>& value) {
        return Produced().with_key_serde(key).with_value_serde(value);
    }
    Produced with_key_serde(const Serde<K>& serde) const {
        return this->Option::with([&](auto& raw) { raw.key = serde.erased(); });
    }
    Produced with_value_serde(const Serde<V>& serde) const {
        return this->Option::with([&](auto& raw) { raw.value = serde.erased(); });
    }
    Produced with_stream_partitioner(StreamPartitioner partitioner) const {
        return this->Option::with([&](auto& raw) { raw.partitioner = std::move(partitioner); });
    }

private:
    using Option = detail::Option<Produced, dsl::Produced>;
};

template <typename K, typename V>
class Grouped : public detail::Option<Grouped<K, V>, dsl::Grouped> {
public:
    static Grouped with(const Serde<K>& key, const Serde<V>& value) {
        return Grouped().with_key_serde(key).with_value_serde(value);
    }
    Grouped with_key_serde(const Serde<K>& serde) const {
        return this->Option::with([&](auto& raw) { raw.key = serde.erased(); });
    }
    Grouped with_value_serde(const Serde<V>& serde) const {
        return this->Option::with([&](auto& raw) { raw.value = serde.erased(); });
    }

private:
    using Option = detail::Option<Grouped, dsl::Grouped>;
};

template <typename K, typename V>
class Repartitioned : public detail::Option<Repartitioned<K, V>, dsl::Repartitioned> {
public:
    static Repartitioned with(const Serde<K>& key, const Serde<V>& value) {
        return Repartitioned().with_key_serde(key).with_value_serde(value);
    }
    Repartitioned with_key_serde(const Serde<K>& serde) const {
        return this->Option::with([&](auto& raw) { raw.key = serde.erased(); });
    }
    Repartitioned with_value_serde(const Serde<V>& serde) const {
        return this->Option::with([&](auto& raw) { raw.value = serde.erased(); });
    }
    Repartitioned with_number_of_partitions(int32_t partitions) const {
        return this->Option::with([&](auto& raw) { raw.partitions = partitions; });
    }
    Repartitioned with_stream_partitioner(StreamPartitioner partitioner) const {
        return this->Option::with([&](auto& raw) { raw.partitioner = std::move(partitioner); });
    }

private:
    using Option = detail::Option<Repartitioned, dsl::Repartitioned>;
};

// Of a stream (left) with a table (right).
template <typename K, typename L, typename R>
class Joined : public detail::Option<Joined<K, L, R>, dsl::Joined> {
public:
    static Joined with(const Serde<K>& key, const Serde<L>& left, const Serde<R>& right) {
        return Joined().Option::with([&](auto& raw) {
            raw.key = key.erased();
            raw.left = left.erased();
            raw.right = right.erased();
        });
    }
    // How long stream records wait for the table; needs a versioned one.
    Joined with_grace_period(std::chrono::milliseconds grace) const {
        return this->Option::with([&](auto& raw) { raw.grace_ms = grace.count(); });
    }

private:
    using Option = detail::Option<Joined, dsl::Joined>;
};

// Of two streams.
template <typename K, typename L, typename R>
class StreamJoined : public detail::Option<StreamJoined<K, L, R>, dsl::StreamJoined> {
public:
    static StreamJoined with(const Serde<K>& key, const Serde<L>& left, const Serde<R>& right) {
        return StreamJoined().Option::with([&](auto& raw) {
            raw.key = key.erased();
            raw.left = left.erased();
            raw.right = right.erased();
        });
    }
    StreamJoined with_store_name(std::string name) const {
        return this->Option::with([&](auto& raw) { raw.store_name = std::move(name); });
    }
    StreamJoined in_memory(bool in_memory = true) const {
        return this->Option::with([&](auto& raw) { raw.in_memory = in_memory; });
    }
    StreamJoined with_logging_enabled(std::map<std::string, std::string> topic_config) const {
        return this->Option::with([&](auto& raw) {
            raw.logging = true;
            raw.topic_config = std::move(topic_config);
        });
    }
    StreamJoined with_logging_disabled() const {
        return this->Option::with([&](auto& raw) { raw.logging = false; });
    }

private:
    using Option = detail::Option<StreamJoined, dsl::StreamJoined>;
};

template <typename K, typename V>
class Materialized {
public:
    static Materialized as(std::string store_name) {
        return Materialized().set([&](auto& raw) { raw.store_name = std::move(store_name); });
    }
    static Materialized as(StoreSupplier supplier) {
        return Materialized().set([&](auto& raw) {
            raw.store_name = supplier.spec.name;
            raw.supplier = std::move(supplier.spec);
        });
    }
    static Materialized with(const Serde<K>& key, const Serde<V>& value) {
        return Materialized().with_key_serde(key).with_value_serde(value);
    }
    Materialized with_key_serde(const Serde<K>& serde) const {
        return set([&](auto& raw) { raw.key = serde.erased(); });
    }
    Materialized with_value_serde(const Serde<V>& serde) const {
        return set([&](auto& raw) { raw.value = serde.erased(); });
    }
    Materialized with_caching_enabled() const {
        return set([](auto& raw) { raw.caching = true; });
    }
    Materialized with_caching_disabled() const {
        return set([](auto& raw) { raw.caching = false; });
    }
    Materialized with_logging_enabled(std::map<std::string, std::string> topic_config) const {
        return set([&](auto& raw) {
            raw.logging = true;
            raw.topic_config = std::move(topic_config);
        });
    }
    Materialized with_logging_disabled() const {
        return set([](auto& raw) { raw.logging = false; });
    }
    Materialized with_retention(std::chrono::milliseconds retention) const {
        return set([&](auto& raw) { raw.retention_ms = retention.count(); });
    }
    Materialized in_memory(bool in_memory = true) const {
        return set([&](auto& raw) { raw.in_memory = in_memory; });
    }
    const dsl::Materialized& raw() const { return raw_; }

private:
    template <typename F>
    Materialized set(F change) const {
        Materialized copy = *this;
        change(copy.raw_);
        return copy;
    }
    dsl::Materialized raw_;
};

// How much suppress() may hold back, and what it does then.
class BufferConfig {
public:
    static BufferConfig unbounded() { return {}; }
    static BufferConfig max_records(int64_t records) {
        return BufferConfig().with_max_records(records);
    }
    static BufferConfig max_bytes(int64_t bytes) { return BufferConfig().with_max_bytes(bytes); }
    BufferConfig with_max_records(int64_t records) const {
        return set([&](auto& raw) { raw.records_max = records; });
    }
    BufferConfig with_max_bytes(int64_t bytes) const {
        return set([&](auto& raw) { raw.bytes_max = bytes; });
    }
    BufferConfig shut_down_when_full() const {
        return set([](auto& raw) { raw.shut_down_when_full = true; });
    }
    BufferConfig emit_early_when_full() const {
        return set([](auto& raw) { raw.shut_down_when_full = false; });
    }
    BufferConfig with_logging_disabled() const {
        return set([](auto& raw) { raw.logging = false; });
    }
    const dsl::BufferConfig& raw() const { return raw_; }

private:
    template <typename F>
    BufferConfig set(F change) const {
        BufferConfig copy = *this;
        change(copy.raw_);
        return copy;
    }
    dsl::BufferConfig raw_;
};

class Suppressed {
public:
    // Each window's last result, once it is closed. A buffer with a bound must shut down when full.
    static Suppressed until_window_closes(const BufferConfig& buffer) {
        Suppressed s;
        s.raw_.buffer = buffer.raw();
        return s;
    }
    // At most so much time (of the records) between a key's first change and its result.
    static Suppressed until_time_limit(std::chrono::milliseconds limit,
                                       const BufferConfig& buffer) {
        Suppressed s;
        s.raw_.time_limit_ms = limit.count();
        s.raw_.buffer = buffer.raw();
        return s;
    }
    Suppressed with_name(std::string name) const {
        Suppressed copy = *this;
        copy.raw_.name = std::move(name);
        return copy;
    }
    const dsl::Suppressed& raw() const { return raw_; }

private:
    dsl::Suppressed raw_;
};

}  // namespace millrace::streams
