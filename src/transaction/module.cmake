# RE2: the pattern by which ListTransactions chooses.
find_library(MILLRACE_RE2 re2 REQUIRED)
target_link_libraries(millrace_transaction PRIVATE ${MILLRACE_RE2})
