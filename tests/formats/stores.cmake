if(TARGET baton::manager_storage)
  baton_add_test(NAME store_format_test KIND format
    SOURCES store_format_test.cc
    LIBRARIES baton::manager_storage baton::sim_env)
  target_compile_definitions(store_format_test
    PRIVATE BATON_FORMATS_DIR="${CMAKE_CURRENT_SOURCE_DIR}/stores")
endif()
