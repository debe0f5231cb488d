# Builds the rooms of src/ from src/modules.txt: one static library a room, linked to exactly the rooms that it may use.
#
# In a room, *_test.cc go to one doctest program `<room>_test`, *_fuzz.cc each to a program (below), *_bench.cc each to a
# Google Benchmark program; all else is the library. A room that needs a third-party library or
# generated sources says so in its own `module.cmake`, which is included after the target `millrace_<room>` exists.

function(millrace_program target)
    target_link_libraries(${target} PRIVATE millrace_flags ${ARGN})
    target_precompile_headers(${target} REUSE_FROM millrace_pch)
endfunction()

# A fuzz target: with MILLRACE_FUZZ a libFuzzer program, else, beside the tests, one that replays its corpus: fuzz/corpus/<name>,
# and what tools/fuzz_seeds.py makes for it.
function(millrace_add_fuzzer source)
    get_filename_component(name ${source} NAME_WE)
    if(MILLRACE_FUZZ)
        add_executable(${name} ${source})
        target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    elseif(MILLRACE_TESTS)
        add_executable(${name} ${source})
        target_link_libraries(${name} PRIVATE millrace_fuzz_main)
        string(REGEX REPLACE "_fuzz$" "" short ${name})
        add_test(NAME fuzz.${short}
            COMMAND ${name} ${CMAKE_SOURCE_DIR}/fuzz/corpus/${name} ${CMAKE_BINARY_DIR}/fuzz_seeds/${name})
        set_tests_properties(fuzz.${short} PROPERTIES LABELS fuzz)
    else()
        return()
    endif()
    millrace_program(${name} ${ARGN})
    add_dependencies(${name} fuzz_seeds)
endfunction()

# What all fuzz targets need: inputs for those of the messages, made from the golden vectors, in
# ${CMAKE_BINARY_DIR}/fuzz_seeds/<target>; and the main() that replays files.
function(millrace_prepare_fuzzers)
    find_package(Python3 REQUIRED COMPONENTS Interpreter)
    file(GLOB_RECURSE schema CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/schema/*.msg)
    set(seeds ${CMAKE_BINARY_DIR}/fuzz_seeds)
    set(maker ${CMAKE_SOURCE_DIR}/tools/fuzz_seeds.py)
    add_custom_command(OUTPUT ${seeds}/made
        COMMAND ${CMAKE_COMMAND} -E rm -rf ${seeds}
        COMMAND ${Python3_EXECUTABLE} ${maker} ${seeds}
        COMMAND ${CMAKE_COMMAND} -E touch ${seeds}/made
        DEPENDS ${maker} ${schema} ${CMAKE_SOURCE_DIR}/tests/data/golden/messages.tsv.gz
        COMMENT "Making seeds for the fuzzers" VERBATIM)
    add_custom_target(fuzz_seeds DEPENDS ${seeds}/made)
    if(NOT MILLRACE_FUZZ)
        add_library(millrace_fuzz_main OBJECT ${CMAKE_SOURCE_DIR}/cmake/fuzz_main.cc)
        millrace_program(millrace_fuzz_main)
    endif()
endfunction()

function(millrace_add_module room)
    set(deps ${ARGN})
    list(TRANSFORM deps PREPEND millrace_)
    set(dir ${CMAKE_SOURCE_DIR}/src/${room})
    file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${dir}/*.cc)
    set(tests ${sources})
    set(fuzzers ${sources})
    set(benches ${sources})
    list(FILTER tests INCLUDE REGEX "_test\\.cc$")
    list(FILTER fuzzers INCLUDE REGEX "_fuzz\\.cc$")
    list(FILTER benches INCLUDE REGEX "_bench\\.cc$")
    list(FILTER sources EXCLUDE REGEX "(_(test|fuzz|bench)|/main)\\.cc$")
    set(target millrace_${room})
    if(sources)
        add_library(${target} STATIC ${sources})
        target_link_libraries(${target} PUBLIC millrace_flags ${deps})
        target_precompile_headers(${target} REUSE_FROM millrace_pch)
    else()
        add_library(${target} INTERFACE)
        target_link_libraries(${target} INTERFACE millrace_flags ${deps})
    endif()
    include(${dir}/module.cmake OPTIONAL)

    if(MILLRACE_TESTS AND tests)
        add_executable(${room}_test ${tests} ${CMAKE_SOURCE_DIR}/cmake/test_main.cc)
        millrace_program(${room}_test ${target})
        add_test(NAME unit.${room} COMMAND ${room}_test WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
        set_tests_properties(unit.${room} PROPERTIES LABELS unit)
    endif()
    foreach(source ${fuzzers})
        millrace_add_fuzzer(${source} ${target})
    endforeach()
    if(MILLRACE_BENCH AND benches)
        find_package(benchmark REQUIRED)
        foreach(source ${benches})
            get_filename_component(name ${source} NAME_WE)
            add_executable(${name} ${source})
            millrace_program(${name} ${target} benchmark::benchmark_main)
        endforeach()
    endif()
endfunction()

function(millrace_add_modules)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/modules.txt)
    file(STRINGS ${CMAKE_SOURCE_DIR}/src/modules.txt lines REGEX "^[a-z]")
    if(MILLRACE_TESTS OR MILLRACE_FUZZ)
        millrace_prepare_fuzzers()
    endif()
    foreach(line ${lines})
        string(REGEX MATCH "^([a-z]+): *(.*)$" _ "${line}")
        set(room ${CMAKE_MATCH_1})
        string(STRIP "${CMAKE_MATCH_2}" rest)
        string(REPLACE " " ";" deps "${rest}")
        millrace_add_module(${room} ${deps})
    endforeach()
endfunction()
