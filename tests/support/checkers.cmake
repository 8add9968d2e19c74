# Histories and what must be true of them. No part of the product in here but ids.
add_library(baton_checkers STATIC
  history.cc
  checkers_claims.cc
  checkers_completion.cc
  checkers_delivery.cc
  checkers_identity.cc
  checkers_liveness.cc
  checkers_payloads.cc
  checkers_totals.cc)
add_library(baton::checkers ALIAS baton_checkers)
target_include_directories(baton_checkers PUBLIC "${PROJECT_SOURCE_DIR}")
target_link_libraries(baton_checkers PUBLIC baton::base PRIVATE baton::warnings)
