// outside_streams: a topology from the installed headers, run without a cluster.
#include <millrace/streams.h>

#include <cstdio>

using namespace millrace::streams;

int main() {
    StreamsBuilder builder;
    builder.stream<std::string, std::string>("words")
        .group_by([](const std::string*, const std::string& word) { return word; })
        .count()
        .to_stream()
        .to("counts");
    StreamsConfig config;
    config.application_id = "outside";
    TopologyTestDriver driver(builder.build(), config);
    auto in = driver.input_topic<std::string, std::string>("words");
    for (const char* word : {"a", "b", "a"}) in.pipe_input(std::nullopt, word, 1);
    for (const auto& [word, count] :
         driver.output_topic<std::string, int64_t>("counts").read_key_values_to_map())
        std::printf("%s=%lld\n", word.c_str(), static_cast<long long>(*count));
    // A running application is linked, too, though this one has no cluster to run on.
    try {
        KafkaStreams streams(builder.build(), StreamsConfig{});
    } catch (const ConfigException& e) {
        std::printf("%s\n", e.what());
    }
}
