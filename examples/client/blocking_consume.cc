// A member of a group without coroutines: prints records until Ctrl-C, and says when partitions come
// and go.
//
//   blocking_consume localhost:9092 measurements readers
#include <fmt/format.h>
#include <millrace/client.h>

#include <atomic>
#include <csignal>

using namespace millrace;
using namespace std::chrono_literals;

namespace {

volatile std::sig_atomic_t stopping = 0;

void tell(std::string_view what, std::span<const TopicPartition> partitions) {
    for (const TopicPartition& p : partitions)
        fmt::print(stderr, "{} {}-{}\n", what, p.topic, p.partition);
}

Result<void> consume(client::ConsumerConfig config, std::string topic) {
    client::BlockingConsumer consumer{std::move(config)};
    TRY_OK(consumer.subscribe({topic}, {.assigned = [](auto all) { tell("came:", all); },
                                        .revoked = [](auto all) { tell("went:", all); },
                                        .lost = {}}));
    while (!stopping) {
        TRY(auto batches, consumer.poll(200ms));
        for (client::RecordBatch& batch : batches)
            TRY_OK(batch.for_each([](const client::RecordView& record) {
                fmt::print("{}\n", as_text(record.value.value_or(ByteView{})));
            }));
        std::fflush(stdout);
    }
    return consumer.close();  // commits, and leaves the group
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) return fmt::print(stderr, "usage: blocking_consume SERVER TOPIC GROUP\n"), 2;
    std::signal(SIGINT, [](int) { stopping = 1; });
    const auto config = client::ConsumerConfig::from({{"bootstrap.servers", argv[1]},
                                                      {"group.id", argv[3]},
                                                      {"group.protocol", "consumer"},
                                                      {"auto.offset.reset", "earliest"}});
    const auto done = config ? consume(*config, argv[2]) : Result<void>{config.error()};
    if (!done) return fmt::print(stderr, "blocking_consume: {}\n", done.error().describe()), 1;
}
