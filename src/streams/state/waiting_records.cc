#include "streams/state/waiting_records.h"

namespace millrace::streams {
namespace {

constexpr size_t kKeyHead = 9;          // time and side
constexpr size_t kListHead = 5;         // strategy and count
constexpr char kElementsOfAnySize = 1;  // the only strategy

// The values of a list, each with its side, handed to `each`.
void read_list(BytesView list, const std::function<void(bool left, BytesView value)>& each) {
    const auto refuse = [] { return ProcessorStateException("a list of waiting records is cut"); };
    if (list.size() < kListHead || list.front() != kElementsOfAnySize) throw refuse();
    auto count = read_be<int32_t>(list.substr(1));
    list.remove_prefix(kListHead);
    for (; count > 0; --count) {
        if (list.size() < 4) throw refuse();
        const auto size = static_cast<size_t>(read_be<uint32_t>(list));
        list.remove_prefix(4);
        if (size < 1 || size > list.size()) throw refuse();
        each(list.front() == 1, list.substr(1, size - 1));
        list.remove_prefix(size);
    }
}

}  // namespace

void WaitingRecords::init(StoreContext& context) {
    context_ = &context;
    bytes_ = context.open_bytes(spec());
    const SerdeDefaults& defaults = context.serde_defaults();
    key_ = &defaults.key_serde(spec().key_serde, *spec().key_type, spec().name);
    left_ = &defaults.value_serde(spec().value_serde, *spec().value_type, spec().name);
    right_ = &defaults.value_serde(right_given_, right_type_, spec().name);
}

void WaitingRecords::restore(BytesView key, NullableView value, TimestampMs, const Headers&) {
    if (value)
        bytes_->put(key, *value);
    else
        bytes_->erase(key);
}

Bytes WaitingRecords::key_of(const Place& place) const {
    Bytes key;
    append_be<int64_t>(key, place.timestamp);
    key += place.left ? '\1' : '\0';
    key_->serialize(place.key, key);
    return key;
}

void WaitingRecords::write(BytesView key, NullableView value) {
    restore(key, value, 0, {});
    const RecordContext* from = context_->record_context();
    context_->log_change(spec(), key, value, from ? std::optional(from->timestamp) : std::nullopt,
                         {});
}

void WaitingRecords::add(const Place& place, Ref value) {
    const Bytes key = key_of(place);
    const NullableBytes before = bytes_->get(key);
    Bytes list;
    list += kElementsOfAnySize;
    append_be<int32_t>(list, before ? read_be<int32_t>(BytesView(*before).substr(1)) + 1 : 1);
    if (before) list += BytesView(*before).substr(kListHead);
    Bytes element;
    element += place.left ? '\1' : '\0';
    value_serde(place.left).serialize(value, element);
    append_be<int32_t>(list, static_cast<int32_t>(element.size()));
    list += element;
    write(key, list);
}

void WaitingRecords::remove(const Place& place) {
    const Bytes key = key_of(place);
    if (bytes_->get(key)) write(key, std::nullopt);
}

void WaitingRecords::visit(
    const std::function<Visit(const Place&, const Values& values)>& visitor) {
    Bytes from;
    while (true) {
        Bytes key;
        Bytes list;
        {
            const auto next = bytes_->range(from, std::nullopt, false);
            if (!next->valid()) return;
            key = next->key();
            list = next->value();
        }
        if (key.size() < kKeyHead) throw ProcessorStateException("a key of waiting records is cut");
        const Box key_object = deserialize(*key_, BytesView(key).substr(kKeyHead));
        const Place place{read_be<int64_t>(key), key[8] == 1, key_object.get()};
        const Visit then = visitor(place, [&](const std::function<void(Ref)>& each) {
            read_list(list, [&](bool left, BytesView bytes) {
                each(deserialize(value_serde(left), bytes).get());
            });
        });
        if (then == Visit::stop) return;
        if (then == Visit::remove) write(key, std::nullopt);
        from = std::move(key);
        from += '\0';  // the smallest key above
    }
}

StoreSpec waiting_records_spec(std::string name, const WaitingRecordsTypes& types) {
    StoreSpec spec;
    spec.name = std::move(name);
    spec.kind = StoreKind::internal;
    spec.key_type = types.key;
    spec.value_type = types.left;
    spec.key_serde = types.key_serde;
    spec.value_serde = types.left_serde;
    spec.make = [right = types.right, serde = types.right_serde](const StoreSpec& self) {
        return std::make_unique<WaitingRecords>(self, *right, serde);
    };
    return spec;
}

}  // namespace millrace::streams
