// For tests of conditions on keys: batches with keys, and the answers by looking at all records.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "storage/key_index.h"
#include "storage/test_place.h"

namespace millrace::storage {

struct KeyedRecord {
    std::string key;
    bool null_value = false;
};

inline std::vector<uint8_t> batch_of(Offset base, const std::vector<KeyedRecord>& records,
                                     ProducerId transaction = -1,
                                     protocol::Codec codec = protocol::Codec::none) {
    protocol::BatchBuilder builder({.codec = codec,
                                    .base_offset = base,
                                    .producer_id = transaction,
                                    .producer_epoch = ProducerEpoch(transaction < 0 ? -1 : 0),
                                    .base_sequence = transaction < 0 ? -1 : 0,
                                    .transactional = transaction >= 0});
    for (const KeyedRecord& r : records)
        builder.append(1, as_bytes(r.key),
                       r.null_value ? std::nullopt : std::optional{as_bytes("v")});
    return *builder.finish();
}
inline std::vector<uint8_t> marker_at(Offset base, ProducerId producer, bool abort) {
    auto bytes = make_marker(abort, producer, 0, 0);
    protocol::MutableBatchView::parse(bytes)->set_base_offset(base);
    return bytes;
}

// What the log holds, and the answers by looking at all of it.
struct KeyModel {
    struct Entry {
        Offset offset;
        std::string key;
        bool null_value;
        ProducerId transaction;          // -1: none
        std::optional<bool> abort = {};  // how the transaction ended
    };
    std::vector<Entry> entries;
    std::map<Offset, Offset> ended_at;  // a record's offset -> the marker's
    Offset start = 0;

    KeyIndex::Last find(const std::string& key, ProducerId own) const {
        KeyIndex::Last last;
        for (const Entry& e : entries) {
            if (e.key != key) continue;
            const bool open = e.transaction >= 0 && !e.abort;
            if (open && e.transaction != own) {
                if (e.offset >= start) last.pending = e.offset;
            } else if (!e.abort.value_or(false)) {
                last.offset = e.null_value || e.offset < start ? -1 : e.offset;
            }
        }
        return last;
    }
    void end(ProducerId producer, bool abort, Offset marker) {
        for (Entry& e : entries)
            if (e.transaction == producer && !e.abort) {
                e.abort = abort;
                ended_at[e.offset] = marker;
            }
    }
};

}  // namespace millrace::storage
