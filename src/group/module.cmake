# RE2: the regular expressions of the consumer protocol. xxHash: the hash of topic metadata that group records carry.
find_library(MILLRACE_RE2 re2 REQUIRED)
find_library(MILLRACE_XXHASH xxhash REQUIRED)
target_link_libraries(millrace_group PRIVATE ${MILLRACE_RE2} ${MILLRACE_XXHASH})
