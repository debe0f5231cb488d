// The application that tests/chaos/streams_exactly_once.py kills: words of `lines` in; out goes the
// count of each word (`counts`), and its count in each window of five seconds (`window-counts`,
// key word@start), one record for each word read.
//
//   streams_killed --bootstrap-server HOST:PORT --state-dir DIR ...     as the examples
#include <ranges>

#include "application.h"
#include "streams/streams_builder.h"
#include "window_key.h"

using namespace millrace;
using namespace millrace::streams;
using namespace std::chrono_literals;

namespace {

std::vector<std::string> words(const std::string& line) {
    std::vector<std::string> found;
    for (const auto word : std::views::split(line, ' '))
        found.emplace_back(word.begin(), word.end());
    return found;
}

Topology make_topology() {
    StreamsBuilder builder;
    const auto by_word =
        builder.stream<std::string, std::string>("lines").flat_map_values(&words).group_by(
            [](const std::string*, const std::string& word) { return word; });
    by_word.count(Materialized<std::string, int64_t>::as("counts")).to_stream().to("counts");
    by_word.windowed_by(TimeWindows::of_size_and_grace(5s, 1h))
        .count()
        .to_stream([](const Windowed<std::string>& word, const int64_t*) {
            return examples::window_key(word);
        })
        .to("window-counts", Produced<std::string, int64_t>());
    return builder.build();
}

}  // namespace

int main(int argc, char** argv) {
    return examples::run_application(argc, argv, "killed", &make_topology);
}
