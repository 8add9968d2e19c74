# The simulated world: scheduler, loops, workers, network. No node knows that it runs in it.
add_library(baton_sim_world STATIC
  sim_scheduler.cc
  sim_loop.cc
  sim_wire.cc
  sim_connection.cc
  sim_network.cc)
add_library(baton::sim_world ALIAS baton_sim_world)
target_include_directories(baton_sim_world PUBLIC "${PROJECT_SOURCE_DIR}")
target_link_libraries(baton_sim_world PUBLIC baton::base baton::net PRIVATE baton::warnings)
