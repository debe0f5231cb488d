// Made-up input for the examples: the same bytes for the same seed and scale, on any machine and in
// any language, since everything is integers on splitmix64.
//
//   generate_NAME DIR [--seed S] [--scale N]
//
// writes DIR/<topic>.jsonl, a record a line in the order of arrival: {"key":…,"value":…,"ts":…}.
#pragma once

#include "json.h"

namespace millrace::examples {

// Where event time begins (milliseconds since 1970).
constexpr int64_t kBegin = 1'760'000'000'000;

// splitmix64. What is drawn depends on the order of the calls: two draws do not belong into one
// expression.
class Random {
public:
    explicit Random(uint64_t seed) : state_(seed) {}
    uint64_t next();
    // From 0 to bound - 1.
    int64_t below(int64_t bound);
    // Both ends included.
    int64_t between(int64_t from, int64_t to) { return from + below(to - from + 1); }
    bool chance(int64_t permille) { return below(1000) < permille; }

private:
    uint64_t state_;
};

// Ranks from 0, the weight of rank i being 1000000 div (i + 1).
class Zipf {
public:
    explicit Zipf(int64_t ranks);
    int64_t pick(Random& random) const;

private:
    std::vector<int64_t> sums_;  // of the weights up to each rank
};

// Topics of records in the order of arrival.
class Records {
public:
    template <typename V>
    void add(std::string_view topic, std::string key, const V& value, int64_t time) {
        add_text(topic, std::move(key), to_json(value), time);
    }
    void add_null(std::string_view topic, std::string key, int64_t time) {
        add_text(topic, std::move(key), "null", time);
    }
    void sort_by_time(std::string_view topic);
    // So many of a thousand arrive 1 to `max_ms` late: after all whose time is up to that later.
    void delay(std::string_view topic, Random& random, int64_t permille, int64_t max_ms);
    // False when a file cannot be written. Tells how many there are.
    bool write(const std::string& folder) const;

private:
    struct Record {
        std::string key;
        std::string value;  // JSON
        int64_t time;
    };
    struct Topic {
        std::string name;
        std::vector<Record> records;
    };
    using Arrival = std::pair<int64_t, size_t>;  // when, and which record
    static void arrange(std::vector<Record>& records, std::vector<Arrival> arrivals);
    void add_text(std::string_view topic, std::string key, std::string value, int64_t time);
    std::vector<Record>& of(std::string_view topic);

    std::vector<Topic> topics_;  // in the order of their first records
};

// The main() of a generator.
int generate(int argc, char** argv, void (*fill)(Records& records, Random& random, int64_t scale));

}  // namespace millrace::examples
