# `cmake --install`: the binary with its links under Kafka's names, and the client and streams as a package for find_package(millrace).
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS millrace RUNTIME)
get_property(millrace_links TARGET millrace PROPERTY MILLRACE_LINKS)
foreach(link ${millrace_links})
    install(FILES ${CMAKE_RUNTIME_OUTPUT_DIRECTORY}/${link} DESTINATION ${CMAKE_INSTALL_BINDIR})
endforeach()

# Client and streams, and the rooms that they stand on, with all their headers, laid out as here.
set(millrace_headers ${CMAKE_INSTALL_INCLUDEDIR}/millrace)
set(millrace_rooms base protocol runtime config net client streams)
set_target_properties(millrace_client PROPERTIES EXPORT_NAME client)
set_target_properties(millrace_streams PROPERTIES EXPORT_NAME streams)
foreach(room ${millrace_rooms})
    install(TARGETS millrace_${room} EXPORT millrace_targets ARCHIVE)
    install(DIRECTORY src/${room}/ DESTINATION ${millrace_headers}/src/${room} FILES_MATCHING REGEX "[.](h|inc|def)$")
endforeach()
install(TARGETS millrace_flags EXPORT millrace_targets)
install(DIRECTORY ${CMAKE_BINARY_DIR}/generated/ DESTINATION ${millrace_headers}/src FILES_MATCHING REGEX "[.](h|inc|def)$")
install(FILES schema/errors.def DESTINATION ${millrace_headers}/schema)
install(DIRECTORY include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})

set(package ${CMAKE_INSTALL_LIBDIR}/cmake/millrace)
install(EXPORT millrace_targets NAMESPACE millrace:: DESTINATION ${package})
configure_package_config_file(cmake/millrace-config.cmake.in ${CMAKE_BINARY_DIR}/millrace-config.cmake
    INSTALL_DESTINATION ${package})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/millrace-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/millrace-config.cmake ${CMAKE_BINARY_DIR}/millrace-config-version.cmake
    DESTINATION ${package})
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
