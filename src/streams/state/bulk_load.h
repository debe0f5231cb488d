// Many writes to a store of RocksDB at once: they are gathered, sorted, and come into the database
// as files, past its memtable.
//
// For restoring, where nothing is read in between and a crash may lose what is gathered. Owner: the
// store. Errors: ProcessorStateException.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "streams/core/bytes.h"

namespace rocksdb {
class ColumnFamilyHandle;
class DB;
}  // namespace rocksdb

namespace millrace::streams {

class BulkLoad {
public:
    // `file`: where a file is written before the database takes it over, on its own file system.
    BulkLoad(rocksdb::DB& db, rocksdb::ColumnFamilyHandle& family, std::string file)
        : db_(db), family_(family), file_(std::move(file)) {}

    // Of several writes of a key the last one counts.
    void put(BytesView key, BytesView value) { add(key, value); }
    void erase(BytesView key) { add(key, std::nullopt); }
    // What was gathered goes into the database.
    void write_down();

private:
    static constexpr uint32_t kDeleted = UINT32_MAX;
    // Of a write: its key and value stand one after the other in data_.
    struct Entry {
        uint64_t prefix;  // the first bytes of the key, as a number of the same order
        uint32_t offset;
        uint32_t key_size;
        uint32_t value_size;
    };
    void add(BytesView key, NullableView value);
    BytesView key(const Entry& entry) const {
        return BytesView(data_).substr(entry.offset, entry.key_size);
    }
    void sort();

    rocksdb::DB& db_;
    rocksdb::ColumnFamilyHandle& family_;
    const std::string file_;
    Bytes data_;
    std::vector<Entry> entries_;
};

}  // namespace millrace::streams
