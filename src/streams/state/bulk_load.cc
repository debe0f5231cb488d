#include "streams/state/bulk_load.h"

#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>

#include <algorithm>
#include <tuple>

#include "streams/state/rocksdb_status.h"

namespace millrace::streams {
namespace {

// What is gathered before it is written: few files, and little memory for each store that restores.
constexpr size_t kBytes = size_t{8} << 20;

uint64_t prefix_of(BytesView key) {
    uint64_t prefix = 0;
    for (size_t i = 0; i < sizeof prefix; ++i)
        prefix = prefix << 8 | (i < key.size() ? static_cast<uint8_t>(key[i]) : 0);
    return prefix;
}

}  // namespace

void BulkLoad::add(BytesView key, NullableView value) {
    const size_t size = key.size() + (value ? value->size() : 0);
    if (!entries_.empty() && data_.size() + size > kBytes) write_down();
    entries_.push_back({.prefix = prefix_of(key),
                        .offset = static_cast<uint32_t>(data_.size()),
                        .key_size = static_cast<uint32_t>(key.size()),
                        .value_size = value ? static_cast<uint32_t>(value->size()) : kDeleted});
    data_ += key;
    if (value) data_ += *value;
}

// By key, writes of the same key in their order.
void BulkLoad::sort() {
    std::ranges::sort(entries_, [&](const Entry& a, const Entry& b) {
        if (a.prefix != b.prefix) return a.prefix < b.prefix;
        const int order = key(a).compare(key(b));
        return order != 0 ? order < 0 : a.offset < b.offset;
    });
}

void BulkLoad::write_down() {
    if (entries_.empty()) return;
    sort();
    rocksdb::SstFileWriter writer(rocksdb::EnvOptions(), db_.GetOptions(&family_), &family_);
    check_rocksdb(writer.Open(file_), "writing");
    for (size_t i = 0; i < entries_.size(); ++i) {
        const Entry& entry = entries_[i];
        const BytesView name = key(entry);
        if (i + 1 < entries_.size() && key(entries_[i + 1]) == name) continue;
        const rocksdb::Slice slice(name.data(), name.size());
        check_rocksdb(entry.value_size == kDeleted
                          ? writer.Delete(slice)
                          : writer.Put(slice, {name.data() + name.size(), entry.value_size}),
                      "writing");
    }
    check_rocksdb(writer.Finish(), "writing");
    rocksdb::IngestExternalFileOptions options;
    options.move_files = true;
    check_rocksdb(db_.IngestExternalFile(&family_, {file_}, options), "taking over a file");
    entries_.clear();
    data_.clear();
}

}  // namespace millrace::streams
