// A worker of a share group without coroutines: does jobs until Ctrl-C. Those that are marked "bad"
// are nobody's; those marked "later" are left for whoever gets them next.
//
//   blocking_share localhost:9092 jobs workers
#include <fmt/format.h>
#include <millrace/client.h>

#include <csignal>

using namespace millrace;
using namespace std::chrono_literals;

namespace {

volatile std::sig_atomic_t stopping = 0;

client::AcknowledgeType work(const client::RecordView& record, int16_t deliveries) {
    const std::string_view job = as_text(record.value.value_or(ByteView{}));
    if (job.starts_with("bad")) return client::AcknowledgeType::reject;
    if (job.starts_with("later") && deliveries == 1) return client::AcknowledgeType::release;
    fmt::print("{}\n", job);
    return client::AcknowledgeType::accept;
}

Result<void> work_on(client::ShareConsumerConfig config, std::string topic) {
    client::BlockingShareConsumer consumer{std::move(config)};
    int settled = 0;
    consumer.on_acknowledged([&](const TopicPartition&, auto ranges, const Result<void>& result) {
        for (const client::AcknowledgedRange& range : ranges)
            if (result) settled += static_cast<int>(range.last - range.first + 1);
    });
    TRY_OK(consumer.subscribe({topic}));
    while (!stopping) {
        TRY(auto batches, consumer.poll(200ms));
        for (client::ShareBatch& batch : batches) {
            Result<void> told{};
            TRY_OK(batch.for_each([&](const client::RecordView& record, int16_t deliveries) {
                if (told)
                    told = consumer.acknowledge(batch.place(), record.offset,
                                                work(record, deliveries));
            }));
            TRY_OK(told);
        }
        if (!batches.empty()) TRY_OK(consumer.commit());  // or leave it to the next poll()
        std::fflush(stdout);
    }
    TRY_OK(consumer.close());  // gives back what was not acknowledged
    fmt::print(stderr, "{} settled\n", settled);
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) return fmt::print(stderr, "usage: blocking_share SERVER TOPIC GROUP\n"), 2;
    std::signal(SIGINT, [](int) { stopping = 1; });
    const auto config =
        client::ShareConsumerConfig::from({{"bootstrap.servers", argv[1]},
                                           {"group.id", argv[3]},
                                           {"share.acknowledgement.mode", "explicit"}});
    const auto done = config ? work_on(*config, argv[2]) : Result<void>{config.error()};
    if (!done) return fmt::print(stderr, "blocking_share: {}\n", done.error().describe()), 1;
}
