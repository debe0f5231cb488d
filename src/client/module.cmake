# RE2: subscriptions by pattern. By name, so that an installed client names no file of this machine.
find_library(MILLRACE_RE2 re2 REQUIRED)
target_link_libraries(millrace_client PRIVATE re2)
