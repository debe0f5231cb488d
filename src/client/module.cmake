# RE2: subscriptions by pattern. By name, so that an installed client names no file of this machine.
find_library(MILLRACE_RE2 re2 REQUIRED)
target_link_libraries(millrace_client PRIVATE re2)

# Which build this is, for the metrics: the source's version, and the commit as far as git knows it. Each commit links everything
# that has a client in it anew, so builds for tests do without.
set(commit unknown)
find_package(Git QUIET)
if(Git_FOUND AND NOT MILLRACE_TESTS)
    function(ask_git out)
        execute_process(COMMAND ${GIT_EXECUTABLE} ${ARGN} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}
            OUTPUT_VARIABLE said OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET RESULT_VARIABLE failed)
        if(failed)
            set(said "")
        endif()
        set(${out} "${said}" PARENT_SCOPE)
    endfunction()
    ask_git(top rev-parse --show-toplevel)
    # Not of a repository that merely holds this one's source.
    if(top AND top STREQUAL CMAKE_SOURCE_DIR)
        ask_git(commit rev-parse --short=16 HEAD)
        ask_git(moves rev-parse --path-format=absolute --git-path logs/HEAD)
        if(EXISTS "${moves}")
            set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${moves})
        endif()
    endif()
endif()
set_source_files_properties(${dir}/metrics/app_info.cc PROPERTIES
    SKIP_PRECOMPILE_HEADERS ON COMPILE_DEFINITIONS "MILLRACE_VERSION=\"${PROJECT_VERSION}\";MILLRACE_COMMIT=\"${commit}\"")
