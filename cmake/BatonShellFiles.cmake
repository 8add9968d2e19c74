# Manual pages and completion scripts: each program writes its own from its definitions, whenever it was linked.
include(GNUInstallDirs)

# baton_shell_files(TARGET): TARGET takes the hidden flag --shell-files DIR (common/daemon/shell_files.h).
function(baton_shell_files target)
  set(folder "${PROJECT_BINARY_DIR}/shell/${target}")
  add_custom_command(TARGET ${target} POST_BUILD
    COMMAND "${CMAKE_COMMAND}" -E rm -rf "${folder}"  # a verb that is gone has no page
    COMMAND ${target} --shell-files "${folder}"
    VERBATIM)
  install(DIRECTORY "${folder}/man/" DESTINATION "${CMAKE_INSTALL_MANDIR}" COMPONENT shell)
  foreach(shell bash-completion zsh fish)
    install(DIRECTORY "${folder}/${shell}" DESTINATION "${CMAKE_INSTALL_DATADIR}" COMPONENT shell)
  endforeach()
endfunction()
