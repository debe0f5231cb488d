// What `millrace bench e2e` measures, with librdkafka: records of a topic's one partition at a fixed rate, and the time from when
// each was due to when it was read, in one process. Built and run by clients.py.
//
//   librdkafka_e2e SERVER TOPIC RATE SECONDS SIZE
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

rd_kafka_t* make(rd_kafka_type_t type, std::initializer_list<std::pair<const char*, const char*>> settings) {
    char error[512];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    for (const auto& [name, value] : settings)
        if (rd_kafka_conf_set(conf, name, value, error, sizeof error) != RD_KAFKA_CONF_OK) {
            std::fprintf(stderr, "%s\n", error);
            std::exit(1);
        }
    rd_kafka_t* client = rd_kafka_new(type, conf, error, sizeof error);
    if (!client) {
        std::fprintf(stderr, "%s\n", error);
        std::exit(1);
    }
    return client;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 6) return 2;
    const char* server = argv[1];
    const char* topic = argv[2];
    const double rate = std::atof(argv[3]);
    const auto count = static_cast<size_t>(rate * std::atof(argv[4]));
    const size_t size = std::strtoul(argv[5], nullptr, 10);

    rd_kafka_t* consumer =
        make(RD_KAFKA_CONSUMER, {{"bootstrap.servers", server}, {"group.id", "e2e"}, {"auto.offset.reset", "earliest"},
                                 {"enable.auto.commit", "false"}});
    rd_kafka_poll_set_consumer(consumer);
    rd_kafka_topic_partition_list_t* places = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(places, topic, 0)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(consumer, places);
    rd_kafka_t* producer = make(RD_KAFKA_PRODUCER, {{"bootstrap.servers", server}, {"linger.ms", "0"}, {"acks", "all"},
                                                    {"enable.idempotence", "true"}});

    std::vector<double> latencies;
    latencies.reserve(count);
    std::atomic<bool> warm = false;
    std::thread reader([&] {
        while (latencies.size() < count) {
            rd_kafka_message_t* message = rd_kafka_consumer_poll(consumer, 5000);
            if (!message) break;
            if (!message->err && message->len >= sizeof(int64_t)) {
                int64_t due;
                std::memcpy(&due, message->payload, sizeof due);
                if (due == 0)
                    warm = true;
                else
                    latencies.push_back(
                        static_cast<double>(Clock::now().time_since_epoch().count() - due) / 1e6);
            }
            rd_kafka_message_destroy(message);
        }
    });

    std::string value(size, 'x');
    const auto send = [&](int64_t due) {
        std::memcpy(value.data(), &due, sizeof due);
        while (rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
                                 RD_KAFKA_V_VALUE(value.data(), value.size()),
                                 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
            rd_kafka_poll(producer, 1);
        rd_kafka_poll(producer, 0);
    };
    // The first record opens the connections.
    send(0);
    while (!warm) rd_kafka_poll(producer, 1);
    const auto begin = Clock::now();
    for (size_t i = 0; i != count; ++i) {
        const auto due = begin + std::chrono::nanoseconds(static_cast<int64_t>(static_cast<double>(i) * 1e9 / rate));
        std::this_thread::sleep_until(due);
        send(due.time_since_epoch().count());
    }
    rd_kafka_flush(producer, 10'000);
    reader.join();
    if (latencies.size() != count) {
        std::fprintf(stderr, "read %zu of %zu records\n", latencies.size(), count);
        return 1;
    }
    std::ranges::sort(latencies);
    const auto at = [&](double share) { return latencies[static_cast<size_t>(share * static_cast<double>(count - 1))]; };
    std::printf("{\"p50\": %.4f, \"p99\": %.4f, \"p999\": %.4f}\n", at(0.5), at(0.99), at(0.999));
    rd_kafka_consumer_close(consumer);
    rd_kafka_destroy(consumer);
    rd_kafka_destroy(producer);
    return 0;
}
