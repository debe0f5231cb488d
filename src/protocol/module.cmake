include(${CMAKE_CURRENT_LIST_DIR}/messages.cmake)
