// Reads a topic as a member of a group, from the group's first record on, until none came for a
// while. What was read is committed, so that the next run goes on behind it.
//
//   consume localhost:9092 orders billing
#include <fmt/format.h>
#include <millrace/client.h>

using namespace millrace;
using namespace std::chrono_literals;

runtime::Task<Result<void>> consume(runtime::Context context, client::ConsumerConfig config,
                                    std::string topic) {
    client::Consumer consumer{context, std::move(config)};
    CO_TRY_OK(consumer.subscribe({topic}));
    const auto print = [](const client::RecordView& record) {
        fmt::print("{}: {}={}\n", record.offset, as_text(record.key.value_or(ByteView{})),
                   as_text(record.value.value_or(ByteView{})));
    };
    for (;;) {
        CO_TRY(auto batches, co_await consumer.poll(5s));
        if (batches.empty()) break;
        for (client::RecordBatch& batch : batches) CO_TRY_OK(batch.for_each(print));
        CO_TRY_OK(co_await consumer.commit());
    }
    co_return co_await consumer.close();
}

int main(int argc, char** argv) {
    if (argc != 4) return fmt::print(stderr, "usage: consume SERVER TOPIC GROUP\n"), 2;
    const auto config = client::ConsumerConfig::from({{"bootstrap.servers", argv[1]},
                                                      {"group.id", argv[3]},
                                                      {"enable.auto.commit", "false"},
                                                      {"auto.offset.reset", "earliest"}});
    runtime::Machine machine;
    const auto done = config ? machine.wait(consume(machine.context(), *config, argv[2]))
                             : Result<void>{config.error()};
    if (!done) return fmt::print(stderr, "consume: {}\n", done.error().describe()), 1;
}
