#include "streams/state/versioned_bytes.h"

#include <limits>

#include "base/check.h"
#include "streams/state/store.h"

namespace millrace::streams {
namespace {

constexpr char kNewest = 'L';
constexpr char kOlder = 'H';
constexpr char kTombstone = 'T';
constexpr TimestampMs kTimeMax = std::numeric_limits<TimestampMs>::max();

Bytes newest_key(BytesView key) {
    return Bytes(1, kNewest) + Bytes(key);
}
Bytes segment_start(char kind, int64_t segment) {
    Bytes out(1, kind);
    append_be(out, segment);
    return out;
}
Bytes tombstone_key(int64_t segment, BytesView key) {
    return segment_start(kTombstone, segment) + Bytes(key);
}
Bytes older_prefix(int64_t segment, BytesView key) {
    Bytes out = segment_start(kOlder, segment);
    append_be(out, static_cast<int32_t>(key.size()));
    out += key;
    return out;
}
// So that negative times stand before the others.
int64_t ordered(TimestampMs time) {
    return time ^ std::numeric_limits<int64_t>::min();
}
Bytes older_key(int64_t segment, BytesView key, TimestampMs time) {
    Bytes out = older_prefix(segment, key);
    append_be(out, ordered(time));
    return out;
}

Bytes row(TimestampMs time, NullableView value) {
    Bytes out;
    append_be(out, time);
    out += value ? '\0' : '\1';
    if (value) out += *value;
    return out;
}
NullableBytes value_of(BytesView row) {
    INVARIANT(row.size() >= 9);
    return row[8] == '\1' ? std::nullopt : NullableBytes(row.substr(9));
}

}  // namespace

VersionedBytes::VersionedBytes(std::unique_ptr<OrderedBytes> bytes, int64_t history_retention,
                               int64_t segment_interval)
    : bytes_(std::move(bytes)), retention_(history_retention), interval_(segment_interval) {
    for (char kind : {kOlder, kTombstone}) {
        const Bytes from(1, kind);
        const Bytes to(1, static_cast<char>(kind + 1));
        for (bool backward : {false, true}) {
            const auto found = bytes_->range(from, to, backward);
            if (found->valid()) touch(read_be<int64_t>(found->key().substr(1)));
        }
    }
}

void VersionedBytes::touch(int64_t segment) {
    first_segment_ = last_segment_ < first_segment_ ? segment : std::min(first_segment_, segment);
    last_segment_ = std::max(last_segment_, segment);
}

int64_t VersionedBytes::put(BytesView key, NullableView value, TimestampMs timestamp) {
    if (!in_history(timestamp)) return VersionedState::kNotPut;
    observed_ = std::max(observed_, timestamp);
    const std::optional<VersionBytes> before = newest(key);
    if (!before || timestamp >= before->timestamp) return put_newest(key, value, timestamp, before);
    return put_older(key, value, timestamp, before->timestamp);
}

int64_t VersionedBytes::put_newest(BytesView key, NullableView value, TimestampMs timestamp,
                                   const std::optional<VersionBytes>& before) {
    if (before && before->value && before->timestamp == timestamp && !value) {
        take_back_newest(key, timestamp);
        return VersionedState::kLatest;
    }
    if (before && !before->value) bytes_->erase(tombstone_key(segment(before->timestamp), key));
    if (before && before->timestamp < timestamp)
        write_older(key, view_of(before->value), before->timestamp, timestamp);
    write_newest(key, value, timestamp);
    if (!value || (before && before->timestamp < timestamp)) forget_expired();
    return VersionedState::kLatest;
}

// The newest version is deleted at its own time. As in Kafka nothing tells of that but the version
// before, if its end is then; else it is as if there had been nothing.
void VersionedBytes::take_back_newest(BytesView key, TimestampMs timestamp) {
    const std::optional<VersionBytes> previous = older_at(key, timestamp - 1);
    const bool touches = previous && *previous->valid_to == timestamp;
    if (touches && previous->value) return write_newest(key, std::nullopt, timestamp);
    bytes_->erase(newest_key(key));
    if (!touches) return;
    bytes_->erase(older_key(segment(timestamp), key, previous->timestamp));
    write_newest(key, std::nullopt, previous->timestamp);
}

void VersionedBytes::write_newest(BytesView key, NullableView value, TimestampMs timestamp) {
    bytes_->put(newest_key(key), row(timestamp, value));
    if (value) return;
    touch(segment(timestamp));
    Bytes time;
    append_be(time, timestamp);
    bytes_->put(tombstone_key(segment(timestamp), key), time);
}

int64_t VersionedBytes::put_older(BytesView key, NullableView value, TimestampMs timestamp,
                                  TimestampMs newest) {
    TimestampMs valid_to = newest;
    if (const auto split = older_at(key, timestamp)) {
        valid_to = *split->valid_to;
        bytes_->erase(older_key(segment(valid_to), key, split->timestamp));
        if (split->timestamp < timestamp)
            write_older(key, view_of(split->value), split->timestamp, timestamp);
    } else if (const auto next = older_after(key, timestamp)) {
        valid_to = next->timestamp;
    }
    write_older(key, value, timestamp, valid_to);
    forget_expired();
    return valid_to;
}

void VersionedBytes::write_older(BytesView key, NullableView value, TimestampMs timestamp,
                                 TimestampMs to) {
    touch(segment(to));
    bytes_->put(older_key(segment(to), key, timestamp), row(to, value));
}

void VersionedBytes::forget_expired() {
    if (observed_ < retention_) return;
    const int64_t live = segment(observed_ - retention_);
    if (live <= first_segment_) return;
    const Bytes tombstones_end = segment_start(kTombstone, live);
    for (auto it = bytes_->range(segment_start(kTombstone, first_segment_), tombstones_end, false);
         it->valid(); it->next()) {
        const BytesView deleted = it->key().substr(9);
        const std::optional<VersionBytes> now = newest(deleted);
        if (now && !now->value && now->timestamp == read_be<TimestampMs>(it->value()))
            bytes_->erase(newest_key(deleted));
    }
    bytes_->erase_range(segment_start(kTombstone, first_segment_), tombstones_end);
    bytes_->erase_range(segment_start(kOlder, first_segment_), segment_start(kOlder, live));
    first_segment_ = live;
}

std::optional<VersionBytes> VersionedBytes::newest(BytesView key) const {
    const NullableBytes found = bytes_->get(newest_key(key));
    if (!found) return std::nullopt;
    return VersionBytes{value_of(*found), read_be<TimestampMs>(*found), std::nullopt};
}

std::optional<VersionBytes> VersionedBytes::first_older(const Bytes& from, const Bytes& to,
                                                        bool backward) const {
    const auto found = bytes_->range(from, to, backward);
    if (!found->valid()) return std::nullopt;
    const BytesView time = found->key().substr(found->key().size() - 8);
    return VersionBytes{value_of(found->value()), ordered(read_be<int64_t>(time)),
                        read_be<TimestampMs>(found->value())};
}

std::optional<VersionBytes> VersionedBytes::older_at(BytesView key, TimestampMs time) const {
    for (int64_t s = std::max(first_segment_, segment(time)); s <= last_segment_; ++s) {
        auto found = first_older(older_prefix(s, key), older_key(s, key, time) + '\0', true);
        if (found && *found->valid_to > time) return found;
    }
    return std::nullopt;
}

std::optional<VersionBytes> VersionedBytes::older_after(BytesView key, TimestampMs time) const {
    for (int64_t s = std::max(first_segment_, segment(time)); s <= last_segment_; ++s) {
        auto found =
            first_older(older_key(s, key, time) + '\0', older_key(s, key, kTimeMax), false);
        if (found) return found;
    }
    return std::nullopt;
}

std::optional<VersionBytes> VersionedBytes::get(BytesView key, TimestampMs as_of) const {
    std::optional<VersionBytes> now = newest(key);
    if (now && now->timestamp <= as_of) return now;
    return in_history(as_of) ? older_at(key, as_of) : std::nullopt;
}

std::vector<VersionBytes> VersionedBytes::history(BytesView key, TimestampMs from,
                                                  TimestampMs to) const {
    std::vector<VersionBytes> found;
    std::optional<VersionBytes> now = newest(key);
    if (now && now->value && now->timestamp <= to) found.push_back(*std::move(now));
    if (!in_history(to)) return found;
    // Kafka looks no further than the segment of `to`: what was valid then, but ended in a later
    // segment, is not found.
    const int64_t last = std::min(last_segment_, segment(to));
    for (int64_t s = last; s >= std::max(first_segment_, segment(from)); --s) {
        const Bytes prefix = older_prefix(s, key);
        const Bytes end = older_key(s, key, to) + '\0';
        for (auto it = bytes_->range(prefix, end, true); it->valid(); it->next()) {
            const auto valid_to = read_be<TimestampMs>(it->value());
            if (valid_to <= from) break;
            NullableBytes value = value_of(it->value());
            if (!value) continue;
            const BytesView time = it->key().substr(it->key().size() - 8);
            found.push_back({std::move(value), ordered(read_be<int64_t>(time)), valid_to});
        }
    }
    return found;
}

}  // namespace millrace::streams
