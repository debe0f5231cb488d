#include "streams/app/producer_collector.h"

#include "base/bytes.h"

namespace millrace::streams {
namespace {

std::optional<ByteView> bytes_of(NullableView view) {
    return view ? std::optional(as_bytes(*view)) : std::nullopt;
}

void set_headers(std::vector<client::RecordHeader>& out, const Headers& headers) {
    out.clear();
    for (const Header& header : headers)
        out.push_back({header.key, bytes_of(view_of(header.value))});
}

}  // namespace

void ProducerCollector::send(std::string_view topic, std::optional<PartitionIndex> partition,
                             NullableView key, NullableView value,
                             std::optional<TimestampMs> timestamp, const Headers& headers) {
    if (waiting_.empty()) {
        set_headers(headers_, headers);
        Result<client::Delivery> sent = producer_.try_send({.topic = topic,
                                                            .key = bytes_of(key),
                                                            .value = bytes_of(value),
                                                            .headers = headers_,
                                                            .partition = partition.value_or(-1),
                                                            .timestamp = timestamp.value_or(-1)});
        if (sent) return remember(topic, partition, *std::move(sent));
        if (sent.code() != ErrorCode::would_block)
            throw StreamsException(
                fmt::format("sending to {} failed: {}", topic, sent.error().describe()));
    }
    const auto owned = [](NullableView view) {
        return view ? NullableBytes(Bytes(*view)) : std::nullopt;
    };
    waiting_.push_back(
        {std::string(topic), partition, owned(key), owned(value), timestamp.value_or(-1), headers});
}

void ProducerCollector::remember(std::string_view topic, std::optional<PartitionIndex> partition,
                                 client::Delivery delivery) {
    if (!partition) return;
    const auto found = last_.find(topic);
    Partitions& partitions = found != last_.end() ? found->second : last_[std::string(topic)];
    partitions.insert_or_assign(*partition, std::move(delivery));
}

int32_t ProducerCollector::partitions(std::string_view topic) {
    const client::TopicPtr known = producer_.cluster().metadata().topic(topic);
    if (!known)
        throw StreamsException(fmt::format(
            "the partitioner needs to know how many partitions {} has, and it is not known",
            topic));
    return static_cast<int32_t>(known->partitions.size());
}

runtime::Task<Result<void>> ProducerCollector::drain() {
    std::vector<client::RecordHeader> headers;
    while (!waiting_.empty()) {
        const Waiting& next = waiting_.front();
        set_headers(headers, next.headers);
        client::Record record{.topic = next.topic,
                              .key = bytes_of(view_of(next.key)),
                              .value = bytes_of(view_of(next.value)),
                              .headers = headers,
                              .partition = next.partition.value_or(-1),
                              .timestamp = next.timestamp};
        CO_TRY(client::Delivery delivery, co_await producer_.send(record));
        remember(next.topic, next.partition, std::move(delivery));
        waiting_.pop_front();
    }
    co_return Result<void>{};
}

runtime::Task<Result<void>> ProducerCollector::flush() {
    CO_TRY_OK(co_await drain());
    co_await producer_.flush();
    if (std::optional<Error> failure = producer_.take_failure()) co_return *std::move(failure);
    co_return Result<void>{};
}

std::map<TopicPartition, Offset> ProducerCollector::take_ends() {
    std::map<TopicPartition, Offset> ends;
    for (const auto& [topic, partitions] : last_) {
        for (const auto& [partition, delivery] : partitions) {
            if (!delivery.done()) continue;
            const Result<client::RecordPlace> place = delivery.result();
            if (place && place->offset >= 0) ends[{topic, partition}] = place->offset + 1;
        }
    }
    last_.clear();
    return ends;
}

}  // namespace millrace::streams
