// Turns the values of one topic into capital letters in another, exactly once: output and input
// positions are committed together, or not at all. Ends when the input does.
//
//   exactly_once localhost:9092 words shouted
#include <fmt/format.h>
#include <millrace/client.h>

#include <algorithm>

using namespace millrace;
using namespace std::chrono_literals;

runtime::Task<Result<void>> copy(client::Producer& producer, client::RecordBatch& batch,
                                 const std::string& to, client::CommittedOffsets& positions) {
    client::RecordView record;
    for (;;) {
        CO_TRY(const bool more, batch.next(record));
        if (!more) break;
        std::string value{as_text(record.value.value_or(ByteView{}))};
        std::ranges::transform(value, value.begin(),
                               [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
        CO_TRY_OK(
            co_await producer.send({.topic = to, .key = record.key, .value = as_bytes(value)}));
    }
    positions[batch.place()] = {batch.next_offset(), batch.leader_epoch(), {}};
    co_return {};
}

runtime::Task<Result<void>> run(runtime::Context context, client::ConsumerConfig from,
                                client::ProducerConfig into, std::string input,
                                std::string output) {
    client::Consumer consumer{context, std::move(from)};
    client::Producer producer{context, std::move(into)};
    CO_TRY_OK(co_await producer.init_transactions());  // fences an earlier run that hangs
    CO_TRY_OK(consumer.subscribe({input}));
    for (;;) {
        CO_TRY(auto batches, co_await consumer.poll(5s));
        if (batches.empty()) break;
        CO_TRY_OK(producer.begin_transaction());
        client::CommittedOffsets positions;
        for (client::RecordBatch& batch : batches)
            CO_TRY_OK(co_await copy(producer, batch, output, positions));
        CO_TRY_OK(co_await producer.send_offsets(positions, consumer.group_metadata()));
        CO_TRY_OK(co_await producer.commit_transaction());
    }
    CO_TRY_OK(co_await producer.close());
    co_return co_await consumer.close();
}

int main(int argc, char** argv) {
    if (argc != 4) return fmt::print(stderr, "usage: exactly_once SERVER INPUT OUTPUT\n"), 2;
    const auto from = client::ConsumerConfig::from({{"bootstrap.servers", argv[1]},
                                                    {"group.id", "shouters"},
                                                    {"isolation.level", "read_committed"},
                                                    {"enable.auto.commit", "false"},
                                                    {"auto.offset.reset", "earliest"}});
    const auto into = client::ProducerConfig::from(
        {{"bootstrap.servers", argv[1]}, {"transactional.id", "shouter-1"}});
    runtime::Machine machine;
    const auto done = !from ? Result<void>{from.error()}
                      : !into
                          ? Result<void>{into.error()}
                          : machine.wait(run(machine.context(), *from, *into, argv[2], argv[3]));
    if (!done) return fmt::print(stderr, "exactly_once: {}\n", done.error().describe()), 1;
}
