// outside SERVER TOPIC: sends a record and reads it back.
#include <millrace/client.h>

#include <cstdio>

using namespace millrace;
using namespace std::chrono_literals;

namespace {

Result<std::string> round_trip(const std::string& server, const std::string& topic) {
    const client::Settings settings{{"bootstrap.servers", server}};
    TRY(auto writing, client::ProducerConfig::from(settings));
    client::BlockingProducer producer{std::move(writing)};
    TRY(const client::RecordPlace place,
        producer.deliver({.topic = topic, .value = as_bytes("from outside")}));
    TRY_OK(producer.close());

    TRY(auto reading, client::ConsumerConfig::from(settings));
    client::BlockingConsumer consumer{std::move(reading)};
    const TopicPartition partition{topic, place.partition};
    TRY_OK(consumer.assign({partition}));
    TRY_OK(consumer.seek(partition, place.offset));
    TRY(auto batches, consumer.poll(10s));
    client::RecordView record;
    if (batches.empty()) return fail(ErrorCode::not_found, "nothing to read");
    TRY(const bool any, batches.front().next(record));
    if (!any || !record.value) return fail(ErrorCode::not_found, "no value");
    return std::string{as_text(*record.value)};
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) return 2;
    const auto read = round_trip(argv[1], argv[2]);
    std::puts(read ? read->c_str() : read.error().describe().c_str());
    return read ? 0 : 1;
}
