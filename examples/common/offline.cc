#include "offline.h"

#include <filesystem>
#include <fstream>

#include "json.h"
#include "streams/test_driver.h"

namespace millrace::examples {
namespace {

using namespace streams;

std::string file_of(const std::string& folder, const std::string& topic) {
    return std::filesystem::path(folder) / (topic + ".jsonl");
}

TestRecord parse_record(const std::string& line) {
    const auto record = parse_json(line);
    std::string key;
    simdjson::dom::element value;
    int64_t time = 0;
    if (!record || !read_json((*record)["key"], key) || (*record)["value"].get(value) ||
        (*record)["ts"].get(time))
        throw SerializationException(not_as_described(line).message);
    return {.key = key,
            .value = value.is_null() ? std::nullopt : NullableBytes(simdjson::minify(value)),
            .timestamp = time};
}

void feed(TopologyTestDriver& driver, const std::string& topic, const std::string& path) {
    std::ifstream file(path);
    if (!file) throw StreamsException(fmt::format("cannot read {}", path));
    std::string line;
    while (std::getline(file, line)) driver.pipe_input(topic, parse_record(line));
}

void drain(TopologyTestDriver& driver, const std::string& topic, const std::string& path) {
    std::ofstream file(path);
    while (const auto record = driver.read_output(topic)) {
        std::string line = R"({"key":)";
        write_json(line, record->key.value_or(""));
        file << line << R"(,"value":)" << record->value.value_or("null") << R"(,"ts":)"
             << record->timestamp.value_or(0) << "}\n";
    }
    if (!file.flush()) throw StreamsException(fmt::format("cannot write {}", path));
}

}  // namespace

void run_offline(const Topology& topology, const StreamsConfig& config, const std::string& input,
                 const std::string& output, const std::vector<std::string>& topics) {
    TopologyTestDriver driver(topology, config);
    for (const std::string& topic : topics) feed(driver, topic, file_of(input, topic));
    std::filesystem::create_directories(output);
    const std::string inner = config.application_id + "-";
    for (const std::string& topic : driver.produced_topic_names())
        if (!topic.starts_with(inner)) drain(driver, topic, file_of(output, topic));
}

}  // namespace millrace::examples
