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

// The records of a topic's file, the next one at hand.
class Input {
public:
    Input(std::string topic, const std::string& path) : topic_(std::move(topic)), file_(path) {
        if (!file_) throw StreamsException(fmt::format("cannot read {}", path));
        advance();
    }
    bool ended() const { return !next_; }
    TimestampMs time() const { return *next_->timestamp; }
    void feed(TopologyTestDriver& driver) {
        driver.pipe_input(topic_, *std::exchange(next_, std::nullopt));
        advance();
    }

private:
    void advance() {
        std::string line;
        if (std::getline(file_, line)) next_ = parse_record(line);
    }
    std::string topic_;
    std::ifstream file_;
    std::optional<TestRecord> next_;
};

// Of the files that have records left the one goes first whose next record is the oldest.
void feed(TopologyTestDriver& driver, std::vector<Input> inputs) {
    while (true) {
        std::erase_if(inputs, &Input::ended);
        if (inputs.empty()) return;
        std::ranges::min_element(inputs, {}, &Input::time)->feed(driver);
    }
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
    std::vector<Input> inputs;
    for (const std::string& topic : topics) inputs.emplace_back(topic, file_of(input, topic));
    feed(driver, std::move(inputs));
    std::filesystem::create_directories(output);
    const std::string inner = config.application_id + "-";
    for (const std::string& topic : driver.produced_topic_names())
        if (!topic.starts_with(inner)) drain(driver, topic, file_of(output, topic));
}

}  // namespace millrace::examples
