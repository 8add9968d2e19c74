# A simulated disk under leveldb::Env, and a Loop and Worker that move only when the test says so.
add_library(baton_sim_env STATIC
  manual_loop.cc
  sim_disk.cc
  sim_env.cc)
add_library(baton::sim_env ALIAS baton_sim_env)
target_include_directories(baton_sim_env PUBLIC "${PROJECT_SOURCE_DIR}")
target_link_libraries(baton_sim_env PUBLIC baton::base baton::storage PRIVATE baton::warnings)
