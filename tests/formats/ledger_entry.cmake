if(TARGET baton::center_storage)
  baton_add_test(NAME ledger_entry_format_test KIND format
    SOURCES ledger_entry_test.cc
    LIBRARIES baton::center_storage baton::proto)
  target_compile_definitions(ledger_entry_format_test
    PRIVATE BATON_FORMATS_DIR="${CMAKE_CURRENT_SOURCE_DIR}")
endif()
