#include "base/metrics.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <set>

#include "base/metrics_text.h"
#include "base/random.h"

using namespace millrace;
using namespace millrace::metrics;

namespace {

// A strict reader of the exposition format: what is wrong with the page, or "".
class PageCheck {
public:
    std::string run(std::string_view page) {
        if (!page.empty() && !page.ends_with('\n')) return "no line end at the end";
        while (!page.empty()) {
            const size_t end = page.find('\n');
            const std::string_view line = page.substr(0, end);
            page = page.substr(end + 1);
            const std::string wrong =
                line.starts_with("# ") ? comment(line.substr(2)) : sample(line);
            if (!wrong.empty()) return fmt::format("{}: {}", wrong, line);
        }
        return end_family();
    }
    // Every sample as "name{labels}" with its value.
    std::map<std::string, double> values;

private:
    struct Buckets {
        double last_le = -INFINITY, last_count = 0;
        bool infinite = false, sum = false, counted = false;
    };

    static bool is_name(std::string_view name) {
        if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
        return name.find_first_not_of(
                   "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:") ==
               std::string_view::npos;
    }

    std::string comment(std::string_view line) {
        const bool help = line.starts_with("HELP ");
        if (!help && !line.starts_with("TYPE ")) return "unknown comment";
        line = line.substr(5);
        const size_t blank = line.find(' ');
        const std::string name(line.substr(0, blank));
        if (!is_name(name) || blank == std::string_view::npos) return "bad comment";
        if (help) {
            if (const std::string wrong = end_family(); !wrong.empty()) return wrong;
            if (!seen_families_.insert(name).second) return "family twice";
            family_ = name;
            kind_.clear();
            return check_escapes(line.substr(blank + 1), "\\n");
        }
        if (name != family_ || !kind_.empty()) return "TYPE out of place";
        kind_ = line.substr(blank + 1);
        return kind_ == "counter" || kind_ == "gauge" || kind_ == "histogram" ? "" : "unknown type";
    }

    static std::string check_escapes(std::string_view text, std::string_view allowed) {
        for (size_t i = 0; i < text.size(); ++i) {
            if (text[i] == '\\' &&
                (++i == text.size() || allowed.find(text[i]) == std::string_view::npos))
                return "bad escape";
        }
        return "";
    }

    // Reads one label="value" from the front.
    static bool label(std::string_view& rest, std::string& name, std::string& value) {
        const size_t equals = rest.find('=');
        if (equals == std::string_view::npos || !is_name(rest.substr(0, equals)) ||
            rest.substr(equals + 1, 1) != "\"")
            return false;
        name = rest.substr(0, equals);
        rest = rest.substr(equals + 2);
        value.clear();
        while (!rest.empty() && rest[0] != '"') {
            if (rest[0] == '\\') {
                if (rest.size() < 2 ||
                    std::string_view("\\\"n").find(rest[1]) == std::string_view::npos)
                    return false;
                value += rest[1] == 'n' ? '\n' : rest[1];
                rest = rest.substr(2);
            } else {
                value += rest[0];
                rest = rest.substr(1);
            }
        }
        if (rest.empty()) return false;
        rest = rest.substr(1);
        return true;
    }

    std::string sample(std::string_view line) {
        if (kind_.empty()) return "sample before TYPE";
        const size_t name_end = line.find_first_of("{ ");
        if (name_end == std::string_view::npos) return "no value";
        const std::string name(line.substr(0, name_end));
        std::string_view rest = line.substr(name_end);
        std::map<std::string, std::string> labels;
        if (rest.starts_with('{')) {
            do {
                rest = rest.substr(1);
                std::string label_name, value;
                if (!label(rest, label_name, value)) return "bad label";
                if (!labels.emplace(label_name, value).second) return "label twice";
            } while (rest.starts_with(','));
            if (!rest.starts_with('}')) return "labels do not end";
            rest = rest.substr(1);
        }
        if (!rest.starts_with(' ')) return "no blank before the value";
        const std::string text(rest.substr(1));
        char* end = nullptr;
        const double value = std::strtod(text.c_str(), &end);
        if (text.empty() || *end != 0 || text[0] == ' ') return "bad value";
        std::string key = name;
        for (const auto& [n, v] : labels) key += fmt::format("|{}={}", n, v);
        if (!values.emplace(key, value).second) return "series twice";
        if (kind_ == "histogram") return histogram_sample(name, labels, value);
        if (kind_ == "counter" && (value < 0 || !name.ends_with("_total"))) return "no counter";
        return name == family_ ? "" : "sample of another family";
    }

    std::string histogram_sample(const std::string& name, std::map<std::string, std::string> labels,
                                 double value) {
        std::string le;
        if (const auto at = labels.find("le"); at != labels.end()) {
            le = at->second;
            labels.erase(at);
        }
        std::string key;
        for (const auto& [n, v] : labels) key += fmt::format("|{}={}", n, v);
        Buckets& b = buckets_[key];
        if (name == family_ + "_bucket") {
            const double bound = le == "+Inf" ? INFINITY : std::strtod(le.c_str(), nullptr);
            if (le.empty() || bound <= b.last_le || value < b.last_count)
                return "buckets are not in order";
            b.last_le = bound;
            b.last_count = value;
            b.infinite = le == "+Inf";
            return "";
        }
        if (!le.empty()) return "le where none belongs";
        if (name == family_ + "_sum") b.sum = true;
        if (name != family_ + "_count")
            return name == family_ + "_sum" ? "" : "sample of another family";
        b.counted = true;
        return value == b.last_count ? "" : "count is not the last bucket's";
    }

    std::string end_family() {
        for (const auto& [key, b] : buckets_) {
            if (!b.infinite || !b.sum || !b.counted) return "incomplete histogram " + family_;
        }
        buckets_.clear();
        return "";
    }

    std::set<std::string> seen_families_;
    std::string family_, kind_;
    std::map<std::string, Buckets> buckets_;
};

}  // namespace

TEST_CASE("a value lies in its bucket, whose width is at most an eighth of it") {
    uint64_t lower = 0;
    for (size_t i = 0; i < Histogram::kBuckets; ++i) {
        const uint64_t upper = Histogram::bucket_upper(i);
        REQUIRE(upper > lower);
        CHECK(Histogram::bucket_of(upper) == i);
        CHECK(Histogram::bucket_of(lower + 1) == i);
        CHECK((upper - lower) * 8 <= std::max<uint64_t>(upper, 8));
        lower = upper;
    }
    CHECK(lower == uint64_t{1} << Histogram::kMaxBits);
    CHECK(Histogram::bucket_of(0) == 0);
    CHECK(Histogram::bucket_of(UINT64_MAX) == Histogram::kBuckets - 1);
}

TEST_CASE("histograms agree with a sorted list, and merging is recording together") {
    Rng rng{5};
    Histogram a, b, both;
    std::vector<uint64_t> all;
    for (int i = 0; i < 20'000; ++i) {
        const uint64_t value = rng.next() >> (24 + rng.next() % 40);
        all.push_back(value);
        (i % 3 == 0 ? a : b).record(value);
        both.record(value);
    }
    std::ranges::sort(all);
    a.merge(b);
    CHECK(a.count() == all.size());
    CHECK(a.sum() == both.sum());
    for (const double q : {0.0, 0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
        const auto rank = static_cast<size_t>(std::ceil(q * static_cast<double>(all.size())));
        const uint64_t exact = all[rank == 0 ? 0 : rank - 1], seen = a.quantile(q);
        CHECK(seen == both.quantile(q));
        CHECK(seen >= exact);
        CHECK(seen <= std::max<uint64_t>(exact + exact / 7 + 1, 1));
    }
    for (int bits = Histogram::kSubBits; bits <= Histogram::kMaxBits; ++bits) {
        const auto exact = std::ranges::upper_bound(all, uint64_t{1} << bits) - all.begin();
        CHECK(a.count_up_to_power(bits) == static_cast<uint64_t>(exact));
    }
    CHECK(Histogram{}.quantile(0.5) == 0);
}

TEST_CASE("the same name and labels are the same series") {
    Registry r;
    Counter& one = r.counter("x_total", "X.", {{"b", "2"}, {"a", "1"}});
    CHECK(&one == &r.counter("x_total", "X.", {{"a", "1"}, {"b", "2"}}));
    CHECK(&one != &r.counter("x_total", "X.", {{"a", "1"}}));
}

TEST_CASE("the page says what was counted") {
    Registry r;
    r.counter("kafka_server_bytes_in_total", "Bytes \\ taken\nin.", {{"topic", "a\"b\\c\nd"}})
        .add(7);
    r.counter("kafka_server_bytes_in_total", "Bytes \\ taken\nin.").add(1);
    r.gauge("millrace_ratio", "A part.").set(0.25);
    Histogram& h = r.histogram("millrace_time_seconds", "Time.", {{"api", "Fetch"}},
                               {.unit = 1e-9, .first_bits = 10, .last_bits = 12});
    for (const uint64_t ns : {1, 1024, 1025, 5000}) h.record(ns);
    r.collect([](Snapshot& s) { s.gauge("millrace_lag", "Lag.", {{"group", "g"}}, 1e18); });
    CHECK(to_prometheus(r.snapshot()) ==
          "# HELP kafka_server_bytes_in_total Bytes \\\\ taken\\nin.\n"
          "# TYPE kafka_server_bytes_in_total counter\n"
          "kafka_server_bytes_in_total 1\n"
          "kafka_server_bytes_in_total{topic=\"a\\\"b\\\\c\\nd\"} 7\n"
          "# HELP millrace_lag Lag.\n"
          "# TYPE millrace_lag gauge\n"
          "millrace_lag{group=\"g\"} 1e+18\n"
          "# HELP millrace_ratio A part.\n"
          "# TYPE millrace_ratio gauge\n"
          "millrace_ratio 0.25\n"
          "# HELP millrace_time_seconds Time.\n"
          "# TYPE millrace_time_seconds histogram\n"
          "millrace_time_seconds_bucket{api=\"Fetch\",le=\"1.024e-06\"} 2\n"
          "millrace_time_seconds_bucket{api=\"Fetch\",le=\"2.048e-06\"} 3\n"
          "millrace_time_seconds_bucket{api=\"Fetch\",le=\"4.096e-06\"} 3\n"
          "millrace_time_seconds_bucket{api=\"Fetch\",le=\"+Inf\"} 4\n"
          "millrace_time_seconds_sum{api=\"Fetch\"} 7.05e-06\n"
          "millrace_time_seconds_count{api=\"Fetch\"} 4\n");
}

TEST_CASE("shards' snapshots merge, and every page passes the strict reader") {
    Rng rng{3};
    Registry shards[2];
    const std::string awkward[] = {"",          "plain",    "quo\"te", "back\\slash",
                                   "line\nend", "\xc3\xa9", "{}=,"};
    for (int i = 0; i < 400; ++i) {
        Registry& r = shards[rng.next() % 2];
        const Labels labels = {{"x", awkward[rng.next() % 7]}, {"y", awkward[rng.next() % 7]}};
        r.counter(fmt::format("c{}_total", rng.next() % 5), "C\\ \n.", labels)
            .add(rng.next() % 1000);
        r.gauge(fmt::format("g{}", rng.next() % 5), "G.", labels)
            .set(static_cast<double>(rng.next()) / 3e10);
        r.histogram(fmt::format("h{}_seconds", rng.next() % 5), "H.", labels)
            .record(rng.next() >> 20);
        r.histogram("size_bytes", "S.", {}, kBytes).record(rng.next() >> 40);
    }
    shards[0].gauge("odd", "O.", {{"v", "nan"}}).set(NAN);
    shards[0].gauge("odd", "O.", {{"v", "inf"}}).set(-INFINITY);
    Snapshot merged = shards[0].snapshot();
    merged.merge(shards[1].snapshot());
    for (const Snapshot& s : {shards[0].snapshot(), shards[1].snapshot(), merged, Snapshot{}}) {
        CHECK(PageCheck{}.run(to_prometheus(s)) == "");
    }
    PageCheck first, second, sum;
    first.run(to_prometheus(shards[0].snapshot()));
    second.run(to_prometheus(shards[1].snapshot()));
    sum.run(to_prometheus(merged));
    for (const auto& [key, value] : sum.values) {
        if (std::isnan(value) || std::isinf(value)) continue;
        CHECK(value == doctest::Approx(first.values[key] + second.values[key]));
    }
}

TEST_CASE("the strict reader refuses what is wrong") {
    const std::string g = "# HELP a A.\n# TYPE a gauge\n", h = "# HELP h H.\n# TYPE h histogram\n";
    const std::string bad[] = {
        "a 1\n",
        "# HELP a_total A.\n# TYPE a_total counter\na_total 1",
        "# HELP a A.\n# TYPE a counter\na 1\n",
        g + "a 1\na 1\n",
        g + "b 1\n",
        g + "a{x=\"\\q\"} 1\n",
        g + "a{x=\"1\" 1\n",
        g + "a one\n",
        g + g,
        h + "h_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\n",
        h + "h_bucket{le=\"1\"} 1\nh_sum 1\nh_count 1\n",
        h + "h_bucket{le=\"+Inf\"} 2\nh_sum 1\nh_count 1\n",
    };
    for (const std::string& page : bad) CHECK_MESSAGE(PageCheck{}.run(page) != "", page);
}
