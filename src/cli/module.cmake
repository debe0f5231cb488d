# The one binary.
add_executable(millrace ${CMAKE_CURRENT_LIST_DIR}/main.cc)
millrace_program(millrace millrace_cli millrace_server)
