// Prints what was written to a topic in the last seconds, and ends at what is its end now.
//
//   replay localhost:9092 orders 3600
#include <fmt/format.h>
#include <millrace/client.h>

using namespace millrace;
using namespace std::chrono_literals;

runtime::Task<Result<void>> replay(runtime::Context context, client::ConsumerConfig config,
                                   std::string topic, int64_t seconds) {
    client::Consumer consumer{context, std::move(config)};
    CO_TRY(const auto info,
           co_await consumer.cluster().topic(topic, consumer.cluster().after(30s)));
    std::vector<TopicPartition> places;
    for (size_t i = 0; i != info->partitions.size(); ++i)
        places.push_back({topic, static_cast<PartitionIndex>(i)});

    const TimestampMs since = context.loop.wall_ms() - seconds * 1000;
    client::OffsetQueries queries;
    for (const TopicPartition& place : places) queries[place] = since;
    CO_TRY(const auto begins, co_await consumer.offsets_for_times(queries));
    CO_TRY(auto ends, co_await consumer.end_offsets(places));

    CO_TRY_OK(consumer.assign(places));
    for (const auto& [place, found] : begins) {
        // -1: nothing is that young.
        const Offset begin = found.offset < 0 ? ends.at(place) : found.offset;
        CO_TRY_OK(consumer.seek(place, begin));
        if (begin >= ends.at(place)) ends.erase(place);
    }
    while (!ends.empty()) {
        CO_TRY(auto batches, co_await consumer.poll(1s));
        for (client::RecordBatch& batch : batches) {
            const auto end = ends.find(batch.place());
            if (end == ends.end()) continue;
            CO_TRY_OK(batch.for_each([&](const client::RecordView& record) {
                if (record.offset < end->second)
                    fmt::print("{} {}\n", record.timestamp,
                               as_text(record.value.value_or(ByteView{})));
            }));
            if (batch.next_offset() >= end->second) ends.erase(end);
        }
    }
    co_return co_await consumer.close();
}

int main(int argc, char** argv) {
    if (argc != 4) return fmt::print(stderr, "usage: replay SERVER TOPIC SECONDS\n"), 2;
    const auto config = client::ConsumerConfig::from({{"bootstrap.servers", argv[1]}});
    runtime::Machine machine;
    const auto done =
        config ? machine.wait(replay(machine.context(), *config, argv[2], std::atoll(argv[3])))
               : Result<void>{config.error()};
    if (!done) return fmt::print(stderr, "replay: {}\n", done.error().describe()), 1;
}
