#include "base/metrics.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace millrace::metrics {
namespace {

bool is_name(std::string_view name, bool colons) {
    const auto first_ok = [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (colons && c == ':');
    };
    return !name.empty() && first_ok(name[0]) &&
           std::ranges::all_of(name, [&](char c) { return first_ok(c) || (c >= '0' && c <= '9'); });
}

Labels checked(Labels labels, Kind kind) {
    std::ranges::sort(labels);
    for (size_t i = 0; i < labels.size(); ++i) {
        const std::string& name = labels[i].first;
        INVARIANT(is_name(name, false) && !name.starts_with("__"));
        INVARIANT(i == 0 || labels[i - 1].first != name);
        INVARIANT(kind != Kind::histogram || name != "le");
    }
    return labels;
}

Family& family_of(Snapshot& snapshot, Kind kind, std::string_view name, std::string_view help) {
    auto at = snapshot.families.find(name);
    if (at == snapshot.families.end()) {
        INVARIANT(is_name(name, true));
        at = snapshot.families
                 .emplace(std::string(name), Family{.kind = kind, .help = std::string(help)})
                 .first;
    }
    INVARIANT(at->second.kind == kind);
    return at->second;
}

void add_sample(Family& family, const Labels& labels, const Sample& sample) {
    const auto [at, added] = family.samples.emplace(labels, sample);
    if (added) return;
    Sample& same = at->second;
    same.value += sample.value;
    if (sample.histogram == nullptr) return;
    auto sum = std::make_shared<Histogram>(*same.histogram);
    sum->merge(*sample.histogram);
    same.histogram = std::move(sum);
}

}  // namespace

uint64_t Histogram::bucket_upper(size_t bucket) {
    if (bucket < size_t{1} << kSubBits) return bucket + 1;
    const size_t shift = (bucket >> kSubBits) - 1;
    const uint64_t mantissa = bucket - (shift << kSubBits);
    return (mantissa + 1) << shift;
}

uint64_t Histogram::count_up_to_power(int bits) const {
    INVARIANT(bits >= kSubBits && bits <= kMaxBits);
    const size_t last = bucket_of(uint64_t{1} << bits);
    uint64_t sum = 0;
    for (size_t i = 0; i <= last; ++i) sum += counts_[i];
    return sum;
}

uint64_t Histogram::quantile(double q) const {
    if (count_ == 0) return 0;
    const auto wanted = std::clamp<uint64_t>(
        static_cast<uint64_t>(std::ceil(q * static_cast<double>(count_))), 1, count_);
    uint64_t seen = 0;
    for (size_t i = 0; i < kBuckets; ++i) {
        seen += counts_[i];
        if (seen >= wanted) return bucket_upper(i);
    }
    return bucket_upper(kBuckets - 1);
}

void Histogram::merge(const Histogram& other) {
    for (size_t i = 0; i < kBuckets; ++i) counts_[i] += other.counts_[i];
    count_ += other.count_;
    sum_ += other.sum_;
}

void Snapshot::merge(Snapshot other) {
    for (auto& [name, theirs] : other.families) {
        const auto [at, added] = families.try_emplace(name, std::move(theirs));
        if (added) continue;
        INVARIANT(at->second.kind == theirs.kind && at->second.shape == theirs.shape);
        for (const auto& [labels, sample] : theirs.samples) add_sample(at->second, labels, sample);
    }
}

void Snapshot::counter(std::string_view name, std::string_view help, Labels labels, double value) {
    add_sample(family_of(*this, Kind::counter, name, help),
               checked(std::move(labels), Kind::counter), {.value = value});
}

void Snapshot::gauge(std::string_view name, std::string_view help, Labels labels, double value) {
    add_sample(family_of(*this, Kind::gauge, name, help), checked(std::move(labels), Kind::gauge),
               {.value = value});
}

void Snapshot::histogram(std::string_view name, std::string_view help, Labels labels,
                         const Histogram& value, HistogramShape shape) {
    Family& family = family_of(*this, Kind::histogram, name, help);
    INVARIANT(family.samples.empty() || family.shape == shape);
    family.shape = shape;
    add_sample(family, checked(std::move(labels), Kind::histogram),
               {.histogram = std::make_shared<Histogram>(value)});
}

Registry::Series& Registry::series(Kind kind, std::string_view name, std::string_view help,
                                   Labels labels, HistogramShape shape) {
    auto at = families_.find(name);
    if (at == families_.end()) {
        INVARIANT(is_name(name, true));
        at = families_.emplace(std::string(name), SeriesFamily{kind, std::string(help), shape, {}})
                 .first;
    }
    INVARIANT(at->second.kind == kind && at->second.help == help && at->second.shape == shape);
    return at->second.series[checked(std::move(labels), kind)];
}

Counter& Registry::counter(std::string_view name, std::string_view help, Labels labels) {
    return series(Kind::counter, name, help, std::move(labels), {}).counter;
}

Gauge& Registry::gauge(std::string_view name, std::string_view help, Labels labels) {
    return series(Kind::gauge, name, help, std::move(labels), {}).gauge;
}

Histogram& Registry::histogram(std::string_view name, std::string_view help, Labels labels,
                               HistogramShape shape) {
    INVARIANT(shape.first_bits >= Histogram::kSubBits && shape.first_bits <= shape.last_bits);
    INVARIANT(shape.last_bits <= Histogram::kMaxBits);
    auto& histogram = series(Kind::histogram, name, help, std::move(labels), shape).histogram;
    if (histogram == nullptr) histogram = std::make_unique<Histogram>();
    return *histogram;
}

Snapshot Registry::snapshot() const {
    Snapshot out;
    for (const auto& [name, family] : families_) {
        Family& copy = out.families[name];
        copy = {.kind = family.kind, .help = family.help, .shape = family.shape};
        for (const auto& [labels, series] : family.series) {
            Sample& sample = copy.samples[labels];
            if (family.kind == Kind::counter)
                sample.value = static_cast<double>(series.counter.value());
            if (family.kind == Kind::gauge) sample.value = series.gauge.value();
            if (family.kind == Kind::histogram)
                sample.histogram = std::make_shared<Histogram>(*series.histogram);
        }
    }
    for (const auto& collector : collectors_) collector(out);
    return out;
}

}  // namespace millrace::metrics
