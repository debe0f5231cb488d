#include "client/assign/sticky_user_data.h"

#include <map>

namespace millrace::client::assign {
namespace {

template <typename T>
void put(std::vector<uint8_t>& out, T value) {
    out.resize(out.size() + sizeof value);
    store_be(out.data() + out.size() - sizeof value, value);
}

// Takes a number off the front; nothing when there are too few bytes.
template <typename T>
std::optional<T> take(ByteView& in) {
    if (in.size() < sizeof(T)) return std::nullopt;
    const T value = load_be<T>(in.data());
    in = in.subspan(sizeof(T));
    return value;
}

std::optional<std::vector<TopicPartition>> take_partitions(ByteView& in) {
    std::vector<TopicPartition> out;
    const auto topics = take<int32_t>(in);
    if (!topics || *topics < 0) return std::nullopt;
    for (int32_t t = 0; t < *topics; t++) {
        const auto length = take<int16_t>(in);
        if (!length || *length < 0 || in.size() < static_cast<size_t>(*length)) return std::nullopt;
        const std::string topic(as_text(in.first(static_cast<size_t>(*length))));
        in = in.subspan(static_cast<size_t>(*length));
        const auto count = take<int32_t>(in);
        if (!count || *count < 0) return std::nullopt;
        for (int32_t i = 0; i < *count; i++) {
            const auto partition = take<int32_t>(in);
            if (!partition) return std::nullopt;
            out.push_back({topic, *partition});
        }
    }
    return out;
}

}  // namespace

std::vector<uint8_t> encode_claim(std::span<const TopicPartition> partitions, int32_t generation) {
    std::map<std::string_view, std::vector<int32_t>> by_topic;
    for (const TopicPartition& tp : partitions) by_topic[tp.topic].push_back(tp.partition);
    std::vector<uint8_t> out;
    put(out, static_cast<int32_t>(by_topic.size()));
    for (const auto& [topic, indexes] : by_topic) {
        put(out, static_cast<int16_t>(topic.size()));
        out.insert(out.end(), topic.begin(), topic.end());
        put(out, static_cast<int32_t>(indexes.size()));
        for (int32_t index : indexes) put(out, index);
    }
    put(out, generation);
    return out;
}

Claim decode_claim(ByteView user_data) {
    auto partitions = take_partitions(user_data);
    if (!partitions) return {};
    return {*std::move(partitions), take<int32_t>(user_data)};
}

std::vector<uint8_t> encode_generation(int32_t generation) {
    std::vector<uint8_t> out;
    put(out, generation);
    return out;
}

std::optional<int32_t> decode_generation(ByteView user_data) {
    if (user_data.empty()) return std::nullopt;
    return take<int32_t>(user_data).value_or(kNoGeneration);
}

}  // namespace millrace::client::assign
