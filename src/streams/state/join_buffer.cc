#include "streams/state/join_buffer.h"

#include "base/check.h"

namespace millrace::streams {
namespace {

constexpr size_t kHeadSize = 9;  // 0 and the time
constexpr size_t kSequenceSize = 4;

TimestampMs time_of(BytesView key) {
    if (key.size() < kHeadSize + kSequenceSize)
        throw ProcessorStateException("a key of a join's buffer is cut");
    return read_be<int64_t>(key.substr(1));
}

void append_sized(Bytes& out, BytesView bytes) {
    append_be<int32_t>(out, static_cast<int32_t>(bytes.size()));
    out += bytes;
}

// What is read of a value's bytes, from the front. An entry is our own; one that is cut is refused.
class Reader {
public:
    explicit Reader(BytesView bytes) : bytes_(bytes) {}
    template <typename T>
    T read() {
        return read_be<T>(take(sizeof(T)));
    }
    NullableView read_nullable() {
        const auto size = read<int32_t>();
        if (size < 0) return std::nullopt;
        return take(static_cast<size_t>(size));
    }

private:
    BytesView take(size_t size) {
        if (size > bytes_.size())
            throw ProcessorStateException("an entry of a join's buffer is cut");
        const BytesView taken = bytes_.substr(0, size);
        bytes_.remove_prefix(size);
        return taken;
    }
    BytesView bytes_;
};

Bytes encode_entry(const RecordContext& context, BytesView value) {
    Bytes bytes;
    append_be<int64_t>(bytes, context.timestamp);
    append_be<int64_t>(bytes, context.offset);
    append_sized(bytes, context.topic);
    append_be<int32_t>(bytes, context.partition);
    append_be<int32_t>(bytes, static_cast<int32_t>(context.headers->size()));
    for (const Header& header : *context.headers) {
        append_sized(bytes, header.key);
        if (header.value)
            append_sized(bytes, *header.value);
        else
            append_be<int32_t>(bytes, -1);
    }
    append_be<int32_t>(bytes, -1);  // no value before
    append_be<int32_t>(bytes, -1);
    append_sized(bytes, value);
    append_be<int64_t>(bytes, 0);  // the time is in the key
    return bytes;
}

struct Entry {
    Headers headers;
    Bytes value;
};

Entry decode_entry(BytesView bytes) {
    Reader reader(bytes);
    reader.read<int64_t>();
    reader.read<int64_t>();
    reader.read_nullable();
    reader.read<int32_t>();
    Entry entry;
    for (auto count = reader.read<int32_t>(); count > 0; --count) {
        const Bytes key(reader.read_nullable().value_or(BytesView()));
        const NullableView value = reader.read_nullable();
        entry.headers.push_back({key, value ? NullableBytes(Bytes(*value)) : std::nullopt});
    }
    reader.read_nullable();
    reader.read_nullable();
    entry.value = reader.read_nullable().value_or(BytesView());
    return entry;
}

}  // namespace

void JoinBuffer::init(StoreContext& context) {
    context_ = &context;
    bytes_ = context.open_bytes(spec());
    const SerdeDefaults& defaults = context.serde_defaults();
    key_ = &defaults.key_serde(spec().key_serde, *spec().key_type, spec().name);
    value_ = &defaults.value_serde(spec().value_serde, *spec().value_type, spec().name);
}

void JoinBuffer::restore(BytesView key, NullableView value, TimestampMs, const Headers&) {
    if (value)
        bytes_->put(key, *value);
    else
        bytes_->erase(key);
}

void JoinBuffer::put(const RawRecord& record) {
    const RecordContext* from = context_->record_context();
    INVARIANT(record.key && record.value && from);
    sequence_ = sequence_ == std::numeric_limits<int32_t>::max() ? 1 : sequence_ + 1;
    Bytes key(1, '\0');
    append_be<int64_t>(key, record.timestamp);
    key_->serialize(record.key, key);
    append_be<int32_t>(key, sequence_);
    Bytes value;
    value_->serialize(record.value, value);
    const Bytes entry = encode_entry(*from, value);
    bytes_->put(key, entry);
    context_->log_change(spec(), key, entry, std::nullopt, {});
}

void JoinBuffer::take(TimestampMs until, const std::function<void(const RawRecord&)>& each) {
    while (true) {
        Bytes key;
        Entry entry;
        {
            const auto first = bytes_->range({}, std::nullopt, false);
            if (!first->valid()) return;
            key = first->key();
            if (time_of(key) > until) return;
            entry = decode_entry(first->value());
        }
        const BytesView inner =
            BytesView(key).substr(kHeadSize, key.size() - kHeadSize - kSequenceSize);
        const Box key_object = deserialize(*key_, inner);
        const Box value_object = deserialize(*value_, entry.value);
        each({key_object.get(), value_object.get(), time_of(key), &entry.headers});
        bytes_->erase(key);
        context_->log_change(spec(), key, std::nullopt, std::nullopt, {});
    }
}

StoreSpec join_buffer_spec(std::string name, const Type& key, const Type& value,
                           const SerdePtr& key_serde, const SerdePtr& value_serde) {
    StoreSpec spec;
    spec.name = std::move(name);
    spec.kind = StoreKind::internal;
    spec.placed = true;
    spec.key_type = &key;
    spec.value_type = &value;
    spec.key_serde = key_serde;
    spec.value_serde = value_serde;
    spec.make = [](const StoreSpec& self) { return std::make_unique<JoinBuffer>(self); };
    return spec;
}

}  // namespace millrace::streams
