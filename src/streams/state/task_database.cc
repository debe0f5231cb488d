#include "streams/state/task_database.h"

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <rocksdb/write_buffer_manager.h>

#include "base/check.h"
#include "streams/state/bulk_load.h"
#include "streams/state/rocksdb_status.h"

namespace millrace::streams {
namespace {

// Names of stores cannot begin with a space, so this is nobody's.
const std::string kPositions = " positions";

rocksdb::Slice slice(BytesView bytes) {
    return {bytes.data(), bytes.size()};
}
BytesView view(const rocksdb::Slice& slice) {
    return {slice.data(), slice.size()};
}

rocksdb::WriteOptions without_log() {
    rocksdb::WriteOptions options;
    options.disableWAL = true;
    return options;
}

rocksdb::ColumnFamilyOptions family_options(const StateMemory& memory) {
    rocksdb::BlockBasedTableOptions table;
    table.block_cache = memory.cache();
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    table.cache_index_and_filter_blocks = true;
    table.pin_l0_filter_and_index_blocks_in_cache = true;
    table.format_version = 5;
    rocksdb::ColumnFamilyOptions options;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    options.compression = rocksdb::kLZ4Compression;
    options.write_buffer_size = size_t{16} << 20;
    options.max_write_buffer_number = 3;
    return options;
}

class RocksIterator final : public BytesIterator {
public:
    RocksIterator(std::unique_ptr<rocksdb::Iterator> it, NullableBytes from, NullableBytes to,
                  bool backward)
        : it_(std::move(it)), from_(std::move(from)), to_(std::move(to)), backward_(backward) {
        if (!backward_) {
            it_->Seek(slice(*from_));
        } else if (!to_) {
            it_->SeekToLast();
        } else {
            it_->SeekForPrev(slice(*to_));
            if (it_->Valid() && view(it_->key()) == *to_) it_->Prev();
        }
    }
    bool valid() const override {
        if (!it_->Valid()) {
            check_rocksdb(it_->status(), "reading");
            return false;
        }
        return backward_ ? view(it_->key()) >= *from_ : !to_ || view(it_->key()) < *to_;
    }
    BytesView key() const override { return view(it_->key()); }
    BytesView value() const override { return view(it_->value()); }
    void next() override { backward_ ? it_->Prev() : it_->Next(); }

private:
    std::unique_ptr<rocksdb::Iterator> it_;
    NullableBytes from_;
    NullableBytes to_;
    bool backward_;
};

}  // namespace

// One store. Writes go to the batch while the database gathers one, or are gathered themselves
// while the store is loaded.
class TaskDatabase::Store final : public OrderedBytes {
public:
    Store(rocksdb::DB& db, rocksdb::ColumnFamilyHandle& family,
          const std::unique_ptr<rocksdb::WriteBatch>& batch, std::unique_ptr<BulkLoad>& load)
        : db_(db), family_(family), batch_(batch), load_(load) {}

    NullableBytes get(BytesView key) override {
        end_load();
        rocksdb::PinnableSlice found;
        const rocksdb::Status status = db_.Get({}, &family_, slice(key), &found);
        if (status.IsNotFound()) return std::nullopt;
        check_rocksdb(status, "reading");
        return found.ToString();
    }
    void put(BytesView key, BytesView value) override {
        if (load_) return load_->put(key, value);
        check_rocksdb(batch_ ? batch_->Put(&family_, slice(key), slice(value))
                             : db_.Put(without_log(), &family_, slice(key), slice(value)),
                      "writing");
    }
    void erase(BytesView key) override {
        if (load_) return load_->erase(key);
        check_rocksdb(batch_ ? batch_->Delete(&family_, slice(key))
                             : db_.Delete(without_log(), &family_, slice(key)),
                      "deleting");
    }
    std::unique_ptr<BytesIterator> range(BytesView from, NullableView to, bool backward) override {
        end_load();
        rocksdb::ReadOptions options;
        options.total_order_seek = true;
        return std::make_unique<RocksIterator>(
            std::unique_ptr<rocksdb::Iterator>(db_.NewIterator(options, &family_)), Bytes(from),
            to ? NullableBytes(Bytes(*to)) : std::nullopt, backward);
    }
    void erase_range(BytesView from, BytesView to) override {
        if (load_) load_->write_down();
        check_rocksdb(batch_ ? batch_->DeleteRange(&family_, slice(from), slice(to))
                             : db_.DeleteRange(without_log(), &family_, slice(from), slice(to)),
                      "deleting");
    }
    int64_t approximate_entries() override {
        uint64_t count = 0;
        db_.GetIntProperty(&family_, rocksdb::DB::Properties::kEstimateNumKeys, &count);
        return static_cast<int64_t>(count);
    }

private:
    // A store that is read while it is restored is written to as usual.
    void end_load() {
        if (!load_) return;
        load_->write_down();
        load_.reset();
    }

    rocksdb::DB& db_;
    rocksdb::ColumnFamilyHandle& family_;
    const std::unique_ptr<rocksdb::WriteBatch>& batch_;
    std::unique_ptr<BulkLoad>& load_;
};

StateMemory::StateMemory(size_t bytes)
    : cache_(rocksdb::NewLRUCache(bytes)),
      writes_(std::make_shared<rocksdb::WriteBufferManager>(bytes / 2, cache_)) {}

TaskDatabase::TaskDatabase(const std::filesystem::path& directory, const StateMemory& memory)
    : directory_(directory), memory_(memory) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error)
        throw ProcessorStateException(fmt::format("cannot make the state directory {}: {}",
                                                  directory.string(), error.message()));
    rocksdb::DBOptions options;
    options.create_if_missing = true;
    // All stores of a task go back to the same moment after a crash.
    options.atomic_flush = true;
    options.write_buffer_manager = memory.writes();
    options.max_background_jobs = 2;
    options.max_open_files = 256;
    options.keep_log_file_num = 1;
    options.info_log_level = rocksdb::WARN_LEVEL;

    std::vector<std::string> names;
    rocksdb::DB::ListColumnFamilies(options, directory.string(), &names).PermitUncheckedError();
    if (names.empty()) names.push_back(rocksdb::kDefaultColumnFamilyName);
    std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
    for (const std::string& name : names) descriptors.emplace_back(name, family_options(memory));
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    options.create_missing_column_families = true;
    rocksdb::DB* db = nullptr;
    check_rocksdb(rocksdb::DB::Open(options, directory.string(), descriptors, &handles, &db),
                  "opening");
    db_.reset(db);
    for (size_t i = 0; i < names.size(); ++i) families_[names[i]] = handles[i];
}

TaskDatabase::~TaskDatabase() {
    for (const auto& [name, handle] : families_) db_->DestroyColumnFamilyHandle(handle);
    db_->Close().PermitUncheckedError();
}

rocksdb::ColumnFamilyHandle* TaskDatabase::family(const std::string& name) {
    rocksdb::ColumnFamilyHandle*& handle = families_[name];
    if (!handle)
        check_rocksdb(db_->CreateColumnFamily(family_options(memory_), name, &handle),
                      "making a store");
    return handle;
}

std::unique_ptr<OrderedBytes> TaskDatabase::open_store(const std::string& name) {
    return std::make_unique<Store>(*db_, *family(name), batch_, loads_[name]);
}

void TaskDatabase::begin_load(const std::string& store) {
    loads_[store] =
        std::make_unique<BulkLoad>(*db_, *family(store), (directory_ / (store + ".load")).string());
}

void TaskDatabase::end_load(const std::string& store) {
    const std::unique_ptr<BulkLoad> load = std::move(loads_[store]);
    if (load) load->write_down();
}

std::optional<Offset> TaskDatabase::position(const std::string& store) const {
    const auto found = families_.find(kPositions);
    if (found == families_.end()) return std::nullopt;
    std::string bytes;
    const rocksdb::Status status = db_->Get({}, found->second, store, &bytes);
    if (status.IsNotFound()) return std::nullopt;
    check_rocksdb(status, "reading a position");
    if (bytes.size() != sizeof(Offset))
        throw ProcessorStateException(
            fmt::format("the position of {} in the state directory is damaged", store));
    return read_be<Offset>(bytes);
}

void TaskDatabase::set_position(const std::string& store, Offset next) {
    Bytes bytes;
    append_be(bytes, next);
    rocksdb::ColumnFamilyHandle* const positions = family(kPositions);
    check_rocksdb(batch_ ? batch_->Put(positions, store, bytes)
                         : db_->Put(without_log(), positions, store, bytes),
                  "writing a position");
}

void TaskDatabase::atomically(const std::function<void()>& work) {
    INVARIANT(!batch_);
    batch_ = std::make_unique<rocksdb::WriteBatch>();
    try {
        work();
    } catch (...) {
        batch_.reset();
        throw;
    }
    const std::unique_ptr<rocksdb::WriteBatch> batch = std::move(batch_);
    check_rocksdb(db_->Write(without_log(), batch.get()), "writing");
}

void TaskDatabase::flush() {
    std::vector<rocksdb::ColumnFamilyHandle*> all;
    for (const auto& [name, handle] : families_) all.push_back(handle);
    check_rocksdb(db_->Flush(rocksdb::FlushOptions(), all), "flushing");
}

void TaskDatabase::wipe(const std::string& store) {
    const auto found = families_.find(store);
    if (found != families_.end()) {
        check_rocksdb(db_->DropColumnFamily(found->second), "dropping a store");
        check_rocksdb(db_->DestroyColumnFamilyHandle(found->second), "dropping a store");
        families_.erase(found);
    }
    check_rocksdb(db_->Delete(without_log(), family(kPositions), store), "dropping a position");
}

}  // namespace millrace::streams
