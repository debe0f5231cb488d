#include "streams/ops/suppress_buffer.h"

#include <algorithm>

#include "streams/errors.h"

namespace millrace::streams::ops {
namespace {

constexpr int32_t kNull = -1;
constexpr int32_t kAsPrior = -2;
constexpr std::string_view kVersionHeader = "v";
constexpr char kVersion = 3;

int64_t size_of(const NullableBytes& bytes) {
    return bytes ? static_cast<int64_t>(bytes->size()) : 0;
}
int64_t size_of(const SuppressBuffer::Entry& entry) {
    int64_t size = size_of(entry.prior) + size_of(entry.new_value) + 20 +
                   static_cast<int64_t>(entry.topic.size());
    if (entry.old_value != entry.prior) size += size_of(entry.old_value);
    for (const Header& header : entry.headers)
        size += static_cast<int64_t>(header.key.size()) + size_of(header.value);
    return size;
}
int64_t size_of_key(const Bytes& key) {
    return 8 + static_cast<int64_t>(key.size());
}

void append_sized(Bytes& out, const NullableBytes& bytes) {
    append_be(out, bytes ? static_cast<int32_t>(bytes->size()) : kNull);
    if (bytes) out += *bytes;
}

Bytes encode(const SuppressBuffer::Entry& entry, TimestampMs time) {
    Bytes out;
    append_be(out, entry.timestamp);
    append_be(out, entry.offset);
    append_sized(out, entry.topic);
    append_be(out, entry.partition);
    append_be(out, static_cast<int32_t>(entry.headers.size()));
    for (const Header& header : entry.headers) {
        append_sized(out, header.key);
        append_sized(out, header.value);
    }
    append_sized(out, entry.prior);
    if (entry.old_value && entry.old_value == entry.prior)
        append_be(out, kAsPrior);
    else
        append_sized(out, entry.old_value);
    append_sized(out, entry.new_value);
    append_be(out, time);
    return out;
}

class Reader {
public:
    explicit Reader(BytesView bytes) : rest_(bytes) {}
    template <typename T>
    T number() {
        return read_be<T>(take(sizeof(T)));
    }
    NullableBytes sized(int32_t size) {
        if (size == kNull) return std::nullopt;
        if (size < 0) refuse();
        return Bytes(take(static_cast<size_t>(size)));
    }
    NullableBytes sized() { return sized(number<int32_t>()); }
    Bytes text() {
        NullableBytes bytes = sized();
        if (!bytes) refuse();
        return *std::move(bytes);
    }
    void end() const {
        if (!rest_.empty()) refuse();
    }
    [[noreturn]] static void refuse() {
        throw ProcessorStateException("a record of a suppression's changelog is malformed");
    }

private:
    BytesView take(size_t size) {
        if (rest_.size() < size) refuse();
        const BytesView taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }
    BytesView rest_;
};

std::pair<SuppressBuffer::Entry, TimestampMs> decode(BytesView bytes) {
    Reader in(bytes);
    SuppressBuffer::Entry entry;
    entry.timestamp = in.number<TimestampMs>();
    entry.offset = in.number<Offset>();
    entry.topic = in.text();
    entry.partition = in.number<PartitionIndex>();
    // Each header takes at least its two sizes, so that the count needs no other bound.
    for (auto left = in.number<int32_t>(); left > 0; --left) {
        Bytes key = in.text();
        entry.headers.push_back({std::move(key), in.sized()});
    }
    entry.prior = in.sized();
    const auto old_size = in.number<int32_t>();
    entry.old_value = old_size == kAsPrior ? entry.prior : in.sized(old_size);
    entry.new_value = in.sized();
    const auto time = in.number<TimestampMs>();
    in.end();
    return {std::move(entry), time};
}

// Of a byte array in Java, as its hash tables take it.
uint32_t java_hash(BytesView bytes) {
    uint32_t hash = 1;
    for (char c : bytes)
        hash = 31 * hash + static_cast<uint32_t>(static_cast<int32_t>(static_cast<int8_t>(c)));
    return hash ^ hash >> 16;
}

}  // namespace

void DirtyKeys::add(BytesView key) {
    added_.try_emplace(Bytes(key), added_.size());
    while (added_.size() > buckets_ / 4 * 3) buckets_ *= 2;
}

std::vector<Bytes> DirtyKeys::take() {
    struct Placed {
        size_t bucket;
        size_t added;
        Bytes key;
    };
    std::vector<Placed> placed;
    for (const auto& [key, added] : added_)
        placed.push_back({java_hash(key) & (buckets_ - 1), added, key});
    std::ranges::sort(placed, {}, [](const Placed& p) { return std::pair(p.bucket, p.added); });
    added_.clear();
    std::vector<Bytes> keys;
    for (Placed& one : placed) keys.push_back(std::move(one.key));
    return keys;
}

void SuppressBuffer::put(TimestampMs time, const Bytes& key, NullableBytes old_value,
                         NullableBytes new_value, const RecordContext& context) {
    const Entry* waiting = find(key);
    Entry entry{.prior = waiting ? waiting->prior : old_value,
                .old_value = std::move(old_value),
                .new_value = std::move(new_value),
                .topic = std::string(context.topic),
                .partition = context.partition,
                .offset = context.offset,
                .timestamp = context.timestamp,
                .headers = context.headers ? *context.headers : Headers()};
    set(time, key, std::move(entry));
    dirty_.add(key);
}

void SuppressBuffer::set(TimestampMs time, const Bytes& key, Entry entry) {
    const auto [known, added] = times_.try_emplace(key, time);
    bytes_ += size_of(entry);
    if (added) {
        bytes_ += size_of_key(key);
        entries_.emplace(Place{time, key}, std::move(entry));
    } else {
        Entry& waiting = entries_.at({known->second, key});
        bytes_ -= size_of(waiting);
        waiting = std::move(entry);
    }
}

void SuppressBuffer::remove(std::map<Place, Entry>::iterator entry) {
    bytes_ -= size_of_key(entry->first.second) + size_of(entry->second);
    times_.erase(entry->first.second);
    entries_.erase(entry);
}

void SuppressBuffer::evict_first(const std::function<void(const Bytes& key, Entry& entry)>& emit) {
    const auto first = entries_.begin();
    const Bytes& key = first->first.second;
    Entry& entry = first->second;
    const RecordContext context{.topic = entry.topic,
                                .partition = entry.partition,
                                .offset = entry.offset,
                                .timestamp = entry.timestamp,
                                .headers = &entry.headers,
                                .raw_key = std::nullopt,
                                .raw_value = std::nullopt};
    context_->in_context(context, [&] { emit(key, entry); });
    dirty_.add(key);
    remove(first);
}

const SuppressBuffer::Entry* SuppressBuffer::find(BytesView key) const {
    const auto time = times_.find(Bytes(key));
    return time == times_.end() ? nullptr : &entries_.at({time->second, time->first});
}

void SuppressBuffer::flush() {
    for (const Bytes& key : dirty_.take()) {
        if (!spec().logging) continue;
        const auto time = times_.find(key);
        if (time == times_.end()) {
            context_->log_change(spec(), key, std::nullopt, std::nullopt, {});
            continue;
        }
        const Bytes value = encode(entries_.at({time->second, key}), time->second);
        context_->log_change(spec(), key, value, std::nullopt,
                             {{std::string(kVersionHeader), Bytes(1, kVersion)}});
    }
}

void SuppressBuffer::restore(BytesView key, NullableView value, TimestampMs,
                             const Headers& headers) {
    if (!value) {
        const auto time = times_.find(Bytes(key));
        if (time != times_.end()) remove(entries_.find({time->second, time->first}));
        return;
    }
    const Header version{std::string(kVersionHeader), Bytes(1, kVersion)};
    if (std::ranges::find(headers, version) == headers.end())
        throw ProcessorStateException(
            fmt::format("the changelog of {} has a record of a format that is not known", name()));
    auto [entry, time] = decode(*value);
    set(time, Bytes(key), std::move(entry));
}

void SuppressBuffer::close() {
    entries_.clear();
    times_.clear();
    dirty_.take();
    bytes_ = 0;
}

}  // namespace millrace::streams::ops
