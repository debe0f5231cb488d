# The one binary, and beside it a link for each of Kafka's tools that it stands in for.
add_executable(millrace ${CMAKE_CURRENT_LIST_DIR}/main.cc)
millrace_program(millrace millrace_cli millrace_server)
file(STRINGS ${CMAKE_CURRENT_LIST_DIR}/kafka/tools.def lines REGEX "^MILLRACE_KAFKA_TOOL")
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/kafka/tools.def)
foreach(line ${lines})
    string(REGEX REPLACE "^MILLRACE_KAFKA_TOOL\\(\"([a-z0-9-]+)\".*$" "kafka-\\1" tool "${line}")
    foreach(link ${tool} ${tool}.sh)
        set_property(TARGET millrace APPEND PROPERTY MILLRACE_LINKS ${link})
        add_custom_command(TARGET millrace POST_BUILD VERBATIM
            COMMAND ${CMAKE_COMMAND} -E create_symlink millrace $<TARGET_FILE_DIR:millrace>/${link})
    endforeach()
endforeach()
# RE2: patterns of topic and group names.
find_library(MILLRACE_RE2 re2 REQUIRED)
target_link_libraries(millrace_cli PRIVATE ${MILLRACE_RE2})
# simdjson: files that name partitions, records as JSON.
target_link_libraries(millrace_cli PRIVATE simdjson)
