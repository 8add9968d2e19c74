if(TARGET baton::center_core)
  baton_add_test(NAME ledger_snapshot_format_test KIND format
    SOURCES ledger_snapshot_test.cc
    LIBRARIES baton::center_core)
  target_compile_definitions(ledger_snapshot_format_test PRIVATE BATON_FORMATS_DIR="${CMAKE_CURRENT_SOURCE_DIR}")
endif()
