# RE2: subscriptions by pattern.
find_library(MILLRACE_RE2 re2 REQUIRED)
target_link_libraries(millrace_client PRIVATE ${MILLRACE_RE2})
