find_path(MILLRACE_LIBDEFLATE_INCLUDE libdeflate.h REQUIRED)
target_link_libraries(millrace_protocol PRIVATE isal deflate zstd lz4 snappy)
include(${CMAKE_CURRENT_LIST_DIR}/messages.cmake)
