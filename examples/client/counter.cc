// Adds to a counter that many may add to at once, without losing an addition: each record is the new
// value, appended only where the log still ends as the writer has read it (docs/conditional-append.md).
//
//   counter localhost:9092 visits 5
#include <fmt/format.h>
#include <millrace/client.h>

#include <charconv>

using namespace millrace;
using namespace std::chrono_literals;

struct Counter {
    int64_t value = 0;
    Offset end = 0;  // of the log that gave the value
};

// Reads on from where `counter` is to the end of the log.
runtime::Task<Result<void>> catch_up(client::Consumer& consumer, const TopicPartition& place,
                                     Counter& counter) {
    CO_TRY(const auto ends, co_await consumer.end_offsets({place}));
    CO_TRY_OK(consumer.seek(place, counter.end));
    while (counter.end < ends.at(place)) {
        CO_TRY(auto batches, co_await consumer.poll(1s));
        for (client::RecordBatch& batch : batches) {
            CO_TRY_OK(batch.for_each([&](const client::RecordView& record) {
                const auto text = as_text(record.value.value_or(ByteView{}));
                std::from_chars(text.data(), text.data() + text.size(), counter.value);
            }));
            counter.end = batch.next_offset();
        }
    }
    co_return {};
}

runtime::Task<Result<void>> add(runtime::Context context, client::Settings settings,
                                std::string topic, int times) {
    CO_TRY(auto reading, client::ConsumerConfig::from(settings));
    CO_TRY(auto writing, client::ProducerConfig::from(settings));
    client::Consumer consumer{context, std::move(reading)};
    client::Producer producer{context, std::move(writing)};
    const TopicPartition place{topic, 0};
    CO_TRY_OK(consumer.assign({place}));
    Counter counter;
    for (int done = 0; done != times;) {
        CO_TRY_OK(co_await catch_up(consumer, place, counter));
        const std::string next = fmt::format("{}", counter.value + 1);
        CO_TRY(const auto delivery,
               co_await producer.send_if({.topic = topic, .value = as_bytes(next), .partition = 0},
                                         counter.end));
        const auto appended = co_await delivery.wait();
        if (appended.code() == ErrorCode::append_condition_failed) continue;  // somebody was faster
        CO_TRY_OK(appended);
        ++done;
    }
    fmt::print("{}\n", counter.value + 1);
    co_return co_await producer.close();
}

int main(int argc, char** argv) {
    if (argc != 4) return fmt::print(stderr, "usage: counter SERVER TOPIC TIMES\n"), 2;
    runtime::Machine machine;
    const auto done = machine.wait(
        add(machine.context(), {{"bootstrap.servers", argv[1]}}, argv[2], std::atoi(argv[3])));
    if (!done) return fmt::print(stderr, "counter: {}\n", done.error().describe()), 1;
}
