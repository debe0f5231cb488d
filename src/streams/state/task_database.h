// The stores of one task on disk: a RocksDB database with a column family for each store.
//
// There is no write-ahead log, as the changelog is one: after a crash the database is as it was at
// some moment of the past, of all its stores the same one, together with how far their changelogs
// were in it. What came later is read from the changelogs again.
//
// Owner: the task. Thread: the task's; RocksDB's own threads flush and compact in the background.
// Errors: ProcessorStateException, with RocksDB's words.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/units.h"
#include "streams/state/ordered_bytes.h"

namespace rocksdb {
class Cache;
class ColumnFamilyHandle;
class DB;
class WriteBatch;
class WriteBufferManager;
}  // namespace rocksdb

namespace millrace::streams {

class BulkLoad;

// What the databases of all tasks of an instance may use together: one memory budget for blocks
// that were read and for what is not yet written. Shared by tasks of several threads.
class StateMemory {
public:
    explicit StateMemory(size_t bytes);
    const std::shared_ptr<rocksdb::Cache>& cache() const { return cache_; }
    const std::shared_ptr<rocksdb::WriteBufferManager>& writes() const { return writes_; }

private:
    std::shared_ptr<rocksdb::Cache> cache_;
    std::shared_ptr<rocksdb::WriteBufferManager> writes_;
};

class TaskDatabase {
public:
    // Opens or creates it in the directory, which it locks against other processes.
    TaskDatabase(const std::filesystem::path& directory, const StateMemory& memory);
    ~TaskDatabase();
    TaskDatabase(const TaskDatabase&) = delete;

    // Good until the database dies.
    std::unique_ptr<OrderedBytes> open_store(const std::string& name);
    // From now on the store's writes are gathered and sorted, and are there with end_load(), or once
    // the store is read: much cheaper for many of them.
    void begin_load(const std::string& store);
    void end_load(const std::string& store);
    // How far the store's changelog is in the database: the next offset to read; absent: nothing.
    std::optional<Offset> position(const std::string& store) const;
    void set_position(const std::string& store, Offset next);
    // What `work` writes to all stores is in the database together, or not at all; within it,
    // reads do not see it.
    void atomically(const std::function<void()>& work);
    // Everything written so far survives a crash.
    void flush();

    // Gives up the store's content and position.
    void wipe(const std::string& store);

private:
    class Store;
    rocksdb::ColumnFamilyHandle* family(const std::string& name);

    const std::filesystem::path directory_;
    std::unique_ptr<rocksdb::DB> db_;
    std::map<std::string, rocksdb::ColumnFamilyHandle*> families_;
    std::unique_ptr<rocksdb::WriteBatch> batch_;              // in atomically()
    std::map<std::string, std::unique_ptr<BulkLoad>> loads_;  // null: the store is not loaded
    const StateMemory& memory_;
};

}  // namespace millrace::streams
