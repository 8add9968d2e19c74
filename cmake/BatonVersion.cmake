# The commit that --version prints; "unknown" outside a git checkout.
find_package(Git QUIET)
set(BATON_COMMIT "unknown")
if(GIT_FOUND)
  execute_process(COMMAND "${GIT_EXECUTABLE}" rev-parse --short=12 HEAD WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}"
                  OUTPUT_VARIABLE baton_commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(baton_commit)
    set(BATON_COMMIT "${baton_commit}")
  endif()
endif()
configure_file("${PROJECT_SOURCE_DIR}/cmake/version.h.in" "${PROJECT_BINARY_DIR}/generated/version.h" @ONLY)
