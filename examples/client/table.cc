// Loads a compacted topic into a map, the last value of each key, and prints it.
//
//   table localhost:9092 accounts
#include <fmt/format.h>
#include <millrace/client.h>

#include <map>

using namespace millrace;
using namespace std::chrono_literals;

using Table = std::map<std::string, std::string, std::less<>>;

Result<Table> load(client::ConsumerConfig config, const std::string& topic) {
    client::BlockingConsumer consumer{std::move(config)};
    const TopicPartition place{topic, 0};
    TRY_OK(consumer.assign({place}));
    TRY_OK(consumer.seek_to_beginning({{place}}));
    TRY(const auto ends, consumer.call([&] [[clang::coro_wrapper]] (client::Consumer & c) {
        return c.end_offsets({place});
    }));
    Table table;
    Offset at = 0;
    while (at < ends.at(place)) {
        TRY(auto batches, consumer.poll(1s));
        for (client::RecordBatch& batch : batches) {
            TRY_OK(batch.for_each([&](const client::RecordView& record) {
                if (!record.key) return;
                const std::string key{as_text(*record.key)};
                if (record.value)
                    table[key] = as_text(*record.value);
                else
                    table.erase(key);  // a tombstone
            }));
        }
        TRY(at, consumer.position(place));
    }
    return table;
}

int main(int argc, char** argv) {
    if (argc != 3) return fmt::print(stderr, "usage: table SERVER TOPIC\n"), 2;
    const auto config = client::ConsumerConfig::from({{"bootstrap.servers", argv[1]}});
    const auto table = config ? load(*config, argv[2]) : Result<Table>{config.error()};
    if (!table) return fmt::print(stderr, "table: {}\n", table.error().describe()), 1;
    for (const auto& [key, value] : *table) fmt::print("{}={}\n", key, value);
}
