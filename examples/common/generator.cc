#include "generator.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>

namespace millrace::examples {

uint64_t Random::next() {
    state_ += 0x9E3779B97F4A7C15;
    uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
}

int64_t Random::below(int64_t bound) {
    return static_cast<int64_t>(next() % static_cast<uint64_t>(bound));
}

Zipf::Zipf(int64_t ranks) {
    int64_t sum = 0;
    for (int64_t i = 0; i < ranks; ++i) sums_.push_back(sum += 1'000'000 / (i + 1));
}

int64_t Zipf::pick(Random& random) const {
    return std::ranges::upper_bound(sums_, random.below(sums_.back())) - sums_.begin();
}

std::vector<Records::Record>& Records::of(std::string_view topic) {
    const auto found = std::ranges::find(topics_, topic, &Topic::name);
    if (found != topics_.end()) return found->records;
    return topics_.emplace_back(std::string(topic)).records;
}

void Records::add_text(std::string_view topic, std::string key, std::string value, int64_t time) {
    of(topic).push_back({std::move(key), std::move(value), time});
}

// At equal times the order stays.
void Records::arrange(std::vector<Record>& records, std::vector<Arrival> arrivals) {
    std::ranges::sort(arrivals);
    std::vector<Record> arranged;
    for (const auto& [time, i] : arrivals) arranged.push_back(std::move(records[i]));
    records = std::move(arranged);
}

void Records::sort_by_time(std::string_view topic) {
    std::vector<Record>& records = of(topic);
    std::vector<Arrival> arrivals;
    for (size_t i = 0; i < records.size(); ++i) arrivals.emplace_back(records[i].time, i);
    arrange(records, std::move(arrivals));
}

void Records::delay(std::string_view topic, Random& random, int64_t permille, int64_t max_ms) {
    std::vector<Record>& records = of(topic);
    std::vector<Arrival> arrivals;
    for (size_t i = 0; i < records.size(); ++i) {
        const bool late = random.chance(permille);
        arrivals.emplace_back(records[i].time + (late ? random.between(1, max_ms) : 0), i);
    }
    arrange(records, std::move(arrivals));
}

bool Records::write(const std::string& folder) const {
    std::filesystem::create_directories(folder);
    for (const Topic& topic : topics_) {
        std::ofstream file(std::filesystem::path(folder) / (topic.name + ".jsonl"));
        std::string line;
        for (const Record& record : topic.records) {
            line = R"({"key":)";
            write_json(line, record.key);
            line += R"(,"value":)" + record.value + R"(,"ts":)";
            write_json(line, record.time);
            file << line << "}\n";
        }
        if (!file.flush()) return false;
        fmt::print("{:<22} {}\n", topic.name, topic.records.size());
    }
    return true;
}

int generate(int argc, char** argv, void (*fill)(Records&, Random&, int64_t)) {
    std::string folder;
    uint64_t seed = 1;
    int64_t scale = 1;
    CLI::App line("Makes the input of an example");
    line.add_option("DIR", folder, "Where the files go: a topic each")->required();
    line.add_option("--seed", seed, "Other input, of the same kind");
    line.add_option("--scale", scale, "How much, as a multiple")->check(CLI::PositiveNumber);
    try {
        line.parse(argc, argv);
    } catch (const CLI::ParseError& e) {
        return line.exit(e) == 0 ? 0 : 2;
    }
    Records records;
    Random random(seed);
    fill(records, random, scale);
    if (records.write(folder)) return 0;
    fmt::print(stderr, "cannot write to {}\n", folder);
    return 1;
}

}  // namespace millrace::examples
