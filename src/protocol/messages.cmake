# The generated messages: schema/**/*.msg -> tools/msggen.py -> ${CMAKE_BINARY_DIR}/generated/protocol.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
set(msggen ${CMAKE_SOURCE_DIR}/tools/msggen.py)
set(msg_out ${CMAKE_BINARY_DIR}/generated/protocol)
file(GLOB_RECURSE msg_schema CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/schema/*.msg)
# The list of outputs depends on the names in the schema, so configuring runs again when one of these changes.
set_property(DIRECTORY ${CMAKE_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${msggen} ${msg_schema})
execute_process(COMMAND ${Python3_EXECUTABLE} ${msggen} --list ${msg_out} OUTPUT_VARIABLE msg_files
    OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
string(REPLACE "\n" ";" msg_files "${msg_files}")
add_custom_command(OUTPUT ${msg_files} COMMAND ${Python3_EXECUTABLE} ${msggen} --out ${msg_out}
    DEPENDS ${msggen} ${msg_schema} COMMENT "Generating protocol messages" VERBATIM)
target_sources(millrace_protocol PRIVATE ${msg_files})

# The tests read golden vectors: gzip, and JSON to compare with. Their program is made after this file is read.
if(MILLRACE_TESTS)
    find_package(ZLIB REQUIRED)
    find_package(simdjson REQUIRED)
    add_test(NAME unit.schema_drift COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/schema_drift.py)
    add_test(NAME unit.msggen COMMAND ${Python3_EXECUTABLE} ${CMAKE_SOURCE_DIR}/tools/msggen_test.py)
    set_tests_properties(unit.schema_drift unit.msggen PROPERTIES LABELS unit)
    cmake_language(DEFER CALL target_link_libraries protocol_test PRIVATE ZLIB::ZLIB simdjson::simdjson)
    # It walks every struct once more, for a second of running time: optimising it would take minutes under sanitizers.
    set_source_files_properties(${CMAKE_SOURCE_DIR}/src/protocol/golden_json_test.cc PROPERTIES
        COMPILE_OPTIONS -O0 SKIP_PRECOMPILE_HEADERS ON)
endif()
