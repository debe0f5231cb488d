# Compiles through ccache, so that a second build of the same code takes no time, in another checkout either.
#
# A precompiled header differs from build to build by what it says of paths and times. So ccache is told to compare the file
# *.pch.sum beside it, which names all that goes into it, and to leave times alone.
find_program(MILLRACE_CCACHE ccache)
if(MILLRACE_CCACHE)
    set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 CCACHE_PCH_EXTSUM=1
        CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${MILLRACE_CCACHE})
    # CMake's own way hides the header's path behind -Xclang, where ccache does not see that it lies under the base directory.
    set(CMAKE_CXX_COMPILE_OPTIONS_USE_PCH -include <PCH_HEADER>)
    set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
    set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
endif()
