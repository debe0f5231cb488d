// Puts what is urgent into partition 0 and all else into the others, by the key.
//
//   partitioner localhost:9092 jobs urgent:disk-full later:report
#include <fmt/format.h>
#include <millrace/client.h>

using namespace millrace;

class UrgentFirst final : public client::Partitioner {
public:
    PartitionIndex partition(const client::Record& record,
                             const client::TopicInfo& topic) override {
        const auto count = static_cast<PartitionIndex>(topic.partitions.size());
        if (count == 1 || as_text(record.key.value_or(ByteView{})) == "urgent") return 0;
        next_ = next_ % (count - 1) + 1;
        return next_;
    }

private:
    PartitionIndex next_ = 0;
};

int main(int argc, char** argv) {
    if (argc < 4) return fmt::print(stderr, "usage: partitioner SERVER TOPIC KEY:VALUE...\n"), 2;
    auto config = client::ProducerConfig::from({{"bootstrap.servers", argv[1]}});
    if (!config) return fmt::print(stderr, "{}\n", config.error().describe()), 1;
    config->partitioner = std::make_shared<UrgentFirst>();
    client::BlockingProducer producer{*std::move(config)};
    for (int i = 3; i != argc; ++i) {
        const std::string_view pair = argv[i];
        const size_t colon = pair.find(':');
        const auto value = colon == pair.npos ? "" : pair.substr(colon + 1);
        const auto place = producer.deliver(
            {.topic = argv[2], .key = as_bytes(pair.substr(0, colon)), .value = as_bytes(value)});
        if (!place) return fmt::print(stderr, "partitioner: {}\n", place.error().describe()), 1;
        fmt::print("{} -> {}\n", pair, place->partition);
    }
}
