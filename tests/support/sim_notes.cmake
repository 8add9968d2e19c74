# Payloads that say whose they are, and what tests write into histories about them.
add_library(baton_sim_notes STATIC
  history_notes.cc
  sim_payload.cc)
add_library(baton::sim_notes ALIAS baton_sim_notes)
target_include_directories(baton_sim_notes PUBLIC "${PROJECT_SOURCE_DIR}")
target_link_libraries(baton_sim_notes PUBLIC baton::base baton::history PRIVATE baton::warnings)
