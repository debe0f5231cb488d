# Flags of every target, in one place. What is installed (install.cmake) passes on only where the headers are.
add_library(millrace_flags INTERFACE)
set(millrace_includes ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
target_include_directories(millrace_flags INTERFACE "$<BUILD_INTERFACE:${millrace_includes}>"
    "$<INSTALL_INTERFACE:include;include/millrace>")
set(millrace_options
    -Wall -Wextra -Wpedantic -Werror -Wshadow -Wnon-virtual-dtor -Wconversion -Wno-sign-conversion
    -Wno-missing-field-initializers -Wno-missing-designated-field-initializers
    -fno-omit-frame-pointer -ffile-prefix-map=${CMAKE_SOURCE_DIR}=.)
target_compile_options(millrace_flags INTERFACE "$<BUILD_INTERFACE:${millrace_options}>")
target_compile_features(millrace_flags INTERFACE cxx_std_23)
find_package(Threads REQUIRED)
find_package(fmt REQUIRED)
target_link_libraries(millrace_flags INTERFACE fmt::fmt Threads::Threads)

set(CMAKE_CXX_FLAGS_RELEASE "-O2 -gline-tables-only -DMILLRACE_RELEASE")
set(CMAKE_C_FLAGS_RELEASE "-O2 -gline-tables-only")
set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -gline-tables-only")
set(CMAKE_C_FLAGS_SANITIZE "-O1 -gline-tables-only")
set(CMAKE_EXE_LINKER_FLAGS_SANITIZE "")

if(MILLRACE_SANITIZE)
    add_compile_options(-fsanitize=${MILLRACE_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${MILLRACE_SANITIZE})
endif()
if(MILLRACE_FUZZ)
    add_compile_options(-fsanitize=fuzzer-no-link)
    add_link_options(-fsanitize=fuzzer-no-link)
endif()

# One precompiled header for all rooms: the standard library and fmt only.
set(pch_headers <algorithm> <array> <chrono> <coroutine> <cstdint> <cstring> <deque> <expected> <functional> <map> <memory>
    <optional> <set> <span> <string> <string_view> <tuple> <unordered_map> <utility> <variant> <vector> <fmt/format.h>)
add_library(millrace_pch STATIC ${CMAKE_SOURCE_DIR}/cmake/pch.cc)
target_link_libraries(millrace_pch PRIVATE millrace_flags)
target_precompile_headers(millrace_pch PRIVATE ${pch_headers})
target_compile_options(millrace_pch PUBLIC "SHELL:-Xclang -fno-pch-timestamp")
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/CMakeFiles/millrace_pch.dir/cmake_pch.hxx.pch.sum
    CONTENT "@CMAKE_CXX_COMPILER_VERSION@ @CMAKE_BUILD_TYPE@ @MILLRACE_SANITIZE@ @MILLRACE_FUZZ@ @fmt_VERSION@ @pch_headers@")
