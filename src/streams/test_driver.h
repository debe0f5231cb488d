// Runs a topology without a cluster, a record at a time, for unit tests. Kafka: TopologyTestDriver.
//
//   TopologyTestDriver driver(builder.build(), config);
//   auto in = driver.input_topic<std::string, std::string>("lines");
//   auto out = driver.output_topic<std::string, int64_t>("counts");
//   in.pipe_input("k", "a b a", 100);
//   CHECK(out.read_key_values_to_list() == ...);
//
// One partition per topic, one thread, a wall clock that only the test moves. Each input is worked
// off at once: what goes through the application's own topics comes back, punctuations that are due
// run, and then everything is committed (so that caches hold nothing back). What a topology throws
// comes out of the call.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "streams/config.h"
#include "streams/state_stores.h"
#include "streams/topology.h"

namespace millrace::streams {

// A record as bytes.
struct TestRecord {
    NullableBytes key;
    NullableBytes value;
    // Absent in an output: the producer's clock would decide.
    std::optional<TimestampMs> timestamp;
    Headers headers;
};

class TopologyTestDriver {
public:
    // Throws what starting throws: TopologyException, StreamsException.
    explicit TopologyTestDriver(const Topology& topology, StreamsConfig config = {},
                                TimestampMs wall_clock = 0);
    ~TopologyTestDriver();
    TopologyTestDriver(const TopologyTestDriver&) = delete;

    // StreamsException for a topic that the topology does not read.
    void pipe_input(std::string_view topic, TestRecord record);
    // Nothing: no record is left. Topics of the application's own carry its id in front.
    std::optional<TestRecord> read_output(std::string_view topic);
    size_t queue_size(std::string_view topic) const;
    // Sorted; of all topics that were ever written to.
    std::vector<std::string> produced_topic_names() const;

    void advance_wall_clock_time(std::chrono::milliseconds by);
    // By name, of the task and the global ones. They live as long as the driver.
    std::map<std::string, StateStore*> all_state_stores();
    // A typed handle, e.g. store<KeyValueStore<K, V>>("name"). InvalidStateStoreException when
    // there is none of the name, kind and types.
    template <typename S>
    S store(const std::string& name) {
        return S(state_store(name));
    }
    StateStore& state_store(const std::string& name);
    // Records that an operation passed over.
    int64_t dropped_records() const;
    // Closes processors and stores. The destructor does, too.
    void close();

    template <typename K, typename V>
    class InputTopic;
    template <typename K, typename V>
    class OutputTopic;
    template <typename K, typename V>
    InputTopic<K, V> input_topic(std::string topic, Serde<K> key = {}, Serde<V> value = {}) {
        return {*this, std::move(topic), key ? key.erased() : default_serde<K>(),
                value ? value.erased() : default_serde<V>()};
    }
    template <typename K, typename V>
    OutputTopic<K, V> output_topic(std::string topic, Serde<K> key = {}, Serde<V> value = {}) {
        return {*this, std::move(topic), key ? key.erased() : default_serde<K>(),
                value ? value.erased() : default_serde<V>()};
    }

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

template <typename K, typename V>
class TopologyTestDriver::InputTopic {
public:
    InputTopic(TopologyTestDriver& driver, std::string topic, SerdePtr key, SerdePtr value)
        : driver_(driver),
          topic_(std::move(topic)),
          key_(std::move(key)),
          value_(std::move(value)) {}
    void pipe_input(const std::optional<K>& key, const std::optional<V>& value,
                    TimestampMs timestamp, Headers headers = {}) {
        driver_.pipe_input(
            topic_, {serialize(*key_, key ? &*key : nullptr),
                     serialize(*value_, value ? &*value : nullptr), timestamp, std::move(headers)});
    }

private:
    TopologyTestDriver& driver_;
    std::string topic_;
    SerdePtr key_;
    SerdePtr value_;
};

template <typename K, typename V>
class TopologyTestDriver::OutputTopic {
public:
    using Pair = KeyValue<std::optional<K>, std::optional<V>>;
    OutputTopic(TopologyTestDriver& driver, std::string topic, SerdePtr key, SerdePtr value)
        : driver_(driver),
          topic_(std::move(topic)),
          key_(std::move(key)),
          value_(std::move(value)) {}
    bool empty() const { return driver_.queue_size(topic_) == 0; }
    std::optional<Pair> read_key_value() {
        std::optional<TestRecord> record = driver_.read_output(topic_);
        if (!record) return std::nullopt;
        return Pair{detail::unbox<K>(deserialize(*key_, view_of(record->key))),
                    detail::unbox<V>(deserialize(*value_, view_of(record->value)))};
    }
    std::vector<Pair> read_key_values_to_list() {
        std::vector<Pair> list;
        while (auto pair = read_key_value()) list.push_back(*std::move(pair));
        return list;
    }
    // The last value of each key.
    std::map<K, std::optional<V>> read_key_values_to_map() {
        std::map<K, std::optional<V>> map;
        while (auto pair = read_key_value())
            if (pair->key) map.insert_or_assign(*std::move(pair->key), std::move(pair->value));
        return map;
    }

private:
    TopologyTestDriver& driver_;
    std::string topic_;
    SerdePtr key_;
    SerdePtr value_;
};

}  // namespace millrace::streams
