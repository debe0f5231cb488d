// Sends numbered records and tells where each of them is.
//
//   produce localhost:9092 orders 10
#include <fmt/format.h>
#include <millrace/client.h>

using namespace millrace;
using client::Delivery;
using client::RecordPlace;

runtime::Task<Result<void>> produce(runtime::Context context, client::ProducerConfig config,
                                    std::string topic, int count) {
    client::Producer producer{context, std::move(config)};
    std::vector<Delivery> deliveries;
    for (int i = 0; i != count; ++i) {
        const std::string key = fmt::format("order-{}", i % 3);
        const std::string value = fmt::format("{{\"number\":{}}}", i);
        // Takes a copy, and waits only while buffer.memory is used up.
        CO_TRY(Delivery delivery,
               co_await producer.send(
                   {.topic = topic, .key = as_bytes(key), .value = as_bytes(value)}));
        deliveries.push_back(std::move(delivery));
    }
    for (const Delivery& delivery : deliveries) {
        CO_TRY(const RecordPlace place, co_await delivery.wait());
        fmt::print("{}-{} at {}\n", topic, place.partition, place.offset);
    }
    co_return co_await producer.close();
}

int main(int argc, char** argv) {
    if (argc != 4) return fmt::print(stderr, "usage: produce SERVER TOPIC COUNT\n"), 2;
    const auto config =
        client::ProducerConfig::from({{"bootstrap.servers", argv[1]}, {"compression.type", "lz4"}});
    runtime::Machine machine;
    const auto done =
        config ? machine.wait(produce(machine.context(), *config, argv[2], std::atoi(argv[3])))
               : Result<void>{config.error()};
    if (!done) return fmt::print(stderr, "produce: {}\n", done.error().describe()), 1;
}
