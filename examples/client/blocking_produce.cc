// Several threads send with one producer; nobody needs to know about loops or coroutines.
//
//   blocking_produce localhost:9092 measurements 4 1000
#include <fmt/format.h>
#include <millrace/client.h>

#include <atomic>
#include <thread>

using namespace millrace;

int main(int argc, char** argv) {
    if (argc != 5)
        return fmt::print(stderr, "usage: blocking_produce SERVER TOPIC THREADS RECORDS\n"), 2;
    auto config = client::ProducerConfig::from({{"bootstrap.servers", argv[1]}});
    if (!config) return fmt::print(stderr, "{}\n", config.error().describe()), 1;
    client::BlockingProducer producer{*std::move(config)};

    std::atomic<int> delivered = 0;
    std::atomic<int> failed = 0;
    const auto count = [&](const Result<client::RecordPlace>& place) {  // the producer's thread
        ++(place ? delivered : failed);
    };
    const auto work = [&, topic = std::string{argv[2]}](int thread, int records) {
        for (int i = 0; i != records; ++i) {
            const std::string value = fmt::format("{} of thread {}", i, thread);
            if (!producer.send({.topic = topic, .value = as_bytes(value)}, count)) ++failed;
        }
    };
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i != std::atoi(argv[3]); ++i)
            threads.emplace_back(work, i, std::atoi(argv[4]));
    }
    const auto closed = producer.close();
    if (!closed) fmt::print(stderr, "blocking_produce: {}\n", closed.error().describe());
    fmt::print("{} delivered, {} failed\n", delivered.load(), failed.load());
    return failed == 0 ? 0 : 1;
}
