if(TARGET baton::center_storage AND TARGET baton::sim_env)
  baton_add_test(NAME ledger_entry_format_test KIND format
    SOURCES ledger_entry_test.cc
    LIBRARIES baton::center_storage baton::proto baton::sim_env)
  target_compile_definitions(ledger_entry_format_test
    PRIVATE BATON_FORMATS_DIR="${CMAKE_CURRENT_SOURCE_DIR}")
endif()
