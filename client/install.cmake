# What a program outside of this tree gets: find_package(baton CONFIG) and the target baton::client.
#
# One static library with everything of ours in it, so that our inner targets stay inner; the program's
# linker still needs Protobuf and threads. The headers include each other by their path from the tree's
# root, which is therefore installed as one folder: <prefix>/include/baton.
include(CMakePackageConfigHelpers)
include(GNUInstallDirs)

add_library(baton_client_installed STATIC
  $<TARGET_OBJECTS:baton_client> $<TARGET_OBJECTS:baton_net> $<TARGET_OBJECTS:baton_proto> $<TARGET_OBJECTS:baton_base>)
set_target_properties(baton_client_installed PROPERTIES OUTPUT_NAME baton EXPORT_NAME client LINKER_LANGUAGE CXX)
target_compile_features(baton_client_installed INTERFACE cxx_std_20)
target_include_directories(baton_client_installed INTERFACE $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}/baton>)
target_link_libraries(baton_client_installed INTERFACE protobuf::libprotobuf Threads::Threads)

set(package "${CMAKE_INSTALL_LIBDIR}/cmake/baton")
set(include "${CMAKE_INSTALL_INCLUDEDIR}/baton")
install(TARGETS baton_client_installed EXPORT baton ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT client)
install(EXPORT baton NAMESPACE baton:: DESTINATION "${package}" FILE baton-targets.cmake COMPONENT client)
install(FILES baton.h DESTINATION "${include}" COMPONENT client)
install(FILES admin.h client.h consumer.h metrics.h producer.h task_state.h DESTINATION "${include}/client" COMPONENT client)
foreach(header check ids limits protocol_enums queue_settings status task_options time)
  install(FILES "${PROJECT_SOURCE_DIR}/common/base/${header}.h" DESTINATION "${include}/common/base" COMPONENT client)
endforeach()

configure_package_config_file(baton-config.cmake.in "${CMAKE_CURRENT_BINARY_DIR}/baton-config.cmake"
  INSTALL_DESTINATION "${package}")
write_basic_package_version_file("${CMAKE_CURRENT_BINARY_DIR}/baton-config-version.cmake"
  VERSION "${PROJECT_VERSION}" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/baton-config.cmake" "${CMAKE_CURRENT_BINARY_DIR}/baton-config-version.cmake"
  DESTINATION "${package}" COMPONENT client)
