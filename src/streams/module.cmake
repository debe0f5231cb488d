# RocksDB: state stores on disk. By name, so that an installed library names no file of this machine.
find_library(MILLRACE_ROCKSDB rocksdb REQUIRED)
target_link_libraries(millrace_streams PRIVATE rocksdb)
