// What the node counts about itself: counters, gauges and histograms, grouped into families of one
// name, told apart by labels.
//
//   metrics::Registry registry;
//   metrics::Counter& requests = registry.counter("millrace_requests_total", "Requests answered.",
//                                                 {{"api", "Fetch"}});
//   requests.add();
//   std::string page = metrics::to_prometheus(registry.snapshot());   // metrics_text.h
//
// Owner: each shard has its own Registry and hands its parts to who counts; there is no global one.
// Loop: the shard's, for everything; a scrape takes a snapshot() on each shard and merges them
// (Snapshot is a value and may travel). A series lives as long as its Registry; what comes and goes
// (topics, groups) is written by a collector at the time of the scrape.
// INVARIANT: names are Prometheus names; a name has one type and one help text; the same name and
// labels may be asked for again.
// Names: Kafka's where the meaning is equal (kafka_server_..., as its JMX exporter writes them),
// else millrace_...; counters end in _total, units are in the name and are seconds and bytes.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace millrace::metrics {

// Sorted by name when they are stored.
using Labels = std::vector<std::pair<std::string, std::string>>;

class Counter {
public:
    void add(uint64_t n = 1) { value_ += n; }
    uint64_t value() const { return value_; }

private:
    uint64_t value_ = 0;
};

class Gauge {
public:
    void set(double value) { value_ = value; }
    void add(double n) { value_ += n; }
    double value() const { return value_; }

private:
    double value_ = 0;
};

// Counts of whole numbers (nanoseconds, bytes) in buckets whose width is at most an eighth of their
// value, from 0 to 2^40; what is larger counts as 2^40. Fixed memory (2.5 KiB), a few instructions
// to record.
class Histogram {
public:
    static constexpr int kSubBits = 3;  // 2^3 buckets for each power of two
    static constexpr int kMaxBits = 40;
    static constexpr size_t kBuckets = static_cast<size_t>(kMaxBits - kSubBits + 1) << kSubBits;

    void record(uint64_t value) {
        ++counts_[bucket_of(value)];
        ++count_;
        sum_ += value;
    }
    uint64_t count() const { return count_; }
    uint64_t sum() const { return sum_; }
    // How many were <= 2^bits; exact for kSubBits <= bits <= kMaxBits.
    uint64_t count_up_to_power(int bits) const;
    // A value that `q` (0..1) of the recorded are not above, at most an eighth too large; 0 when
    // nothing was recorded.
    uint64_t quantile(double q) const;
    void merge(const Histogram& other);

    // Bucket i holds (upper(i-1), upper(i)], so that powers of two are upper bounds; the first one
    // holds 0, too.
    static size_t bucket_of(uint64_t value);
    static uint64_t bucket_upper(size_t bucket);

private:
    std::array<uint64_t, kBuckets> counts_{};
    uint64_t count_ = 0;
    uint64_t sum_ = 0;
};

inline size_t Histogram::bucket_of(uint64_t value) {
    uint64_t v = value == 0 ? 0 : value - 1;
    if (v >= uint64_t{1} << kMaxBits) v = (uint64_t{1} << kMaxBits) - 1;
    if (v < uint64_t{1} << kSubBits) return static_cast<size_t>(v);
    const int shift = static_cast<int>(std::bit_width(v)) - (kSubBits + 1);
    return (static_cast<size_t>(shift) << kSubBits) + static_cast<size_t>(v >> shift);
}

enum class Kind : uint8_t { counter, gauge, histogram };

// How a histogram is shown: in `unit` of what is recorded, with the upper bounds 2^first .. 2^last
// of it.
struct HistogramShape {
    double unit = 1e-9;   // nanoseconds recorded, seconds shown
    int first_bits = 16;  // 66 us
    int last_bits = 35;   // 34 s
    friend bool operator==(const HistogramShape&, const HistogramShape&) = default;
};
inline constexpr HistogramShape kSeconds{};
inline constexpr HistogramShape kBytes{.unit = 1, .first_bits = 6, .last_bits = 30};

struct Sample {
    double value = 0;                            // counter, gauge
    std::shared_ptr<const Histogram> histogram;  // histogram
};

struct Family {
    Kind kind = Kind::counter;
    std::string help;
    HistogramShape shape;
    std::map<Labels, Sample> samples;
};

// All values at one moment, by name. Merging adds what has the same name and labels, gauges too.
struct Snapshot {
    std::map<std::string, Family, std::less<>> families;

    void merge(Snapshot other);
    // For collectors; as Registry's functions, but with the value.
    void counter(std::string_view name, std::string_view help, Labels labels, double value);
    void gauge(std::string_view name, std::string_view help, Labels labels, double value);
    void histogram(std::string_view name, std::string_view help, Labels labels,
                   const Histogram& value, HistogramShape shape = kSeconds);
};

class Registry {
public:
    Registry() = default;
    Registry(const Registry&) = delete;

    Counter& counter(std::string_view name, std::string_view help, Labels labels = {});
    Gauge& gauge(std::string_view name, std::string_view help, Labels labels = {});
    Histogram& histogram(std::string_view name, std::string_view help, Labels labels = {},
                         HistogramShape shape = kSeconds);
    // Called at every snapshot; must not outlive what it refers to (it lives as long as the
    // Registry).
    void collect(std::function<void(Snapshot&)> collector) {
        collectors_.push_back(std::move(collector));
    }

    Snapshot snapshot() const;

private:
    struct Series {
        Counter counter;
        Gauge gauge;
        std::unique_ptr<Histogram> histogram;
    };
    struct SeriesFamily {
        Kind kind;
        std::string help;
        HistogramShape shape;
        std::map<Labels, Series> series;
    };
    Series& series(Kind kind, std::string_view name, std::string_view help, Labels labels,
                   HistogramShape shape);

    std::map<std::string, SeriesFamily, std::less<>> families_;
    std::vector<std::function<void(Snapshot&)>> collectors_;
};

}  // namespace millrace::metrics
