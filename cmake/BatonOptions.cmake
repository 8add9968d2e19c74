# Language level, sanitizers, warnings: what every target of the project is built with.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}/bin")

set(BATON_SANITIZE "" CACHE STRING "Sanitizers for every target, for example address,undefined or thread")
option(BATON_WERROR "Treat warnings as errors" OFF)
option(BATON_FUZZ "Link the programs of tests/fuzz with libFuzzer (scripts/fuzz.sh)" OFF)

# Optimised enough that a sanitized test run stays short, debuggable enough to read a trace.
set(CMAKE_CXX_FLAGS_DEBUG "-O1 -g1 -fno-omit-frame-pointer")
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1")

# A failed check names common/base/status.h:80, wherever the tree was built.
add_compile_options("-fmacro-prefix-map=${PROJECT_SOURCE_DIR}/=")

if(BATON_SANITIZE)
  add_compile_options(-fsanitize=${BATON_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${BATON_SANITIZE})
endif()
if(CMAKE_CXX_COMPILER_ID MATCHES "Clang")
  add_link_options(-fuse-ld=lld-19)
endif()
add_compile_definitions(BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_SEPARATE_COMPILATION)

find_program(BATON_CCACHE ccache)
if(BATON_CCACHE)
  set(CMAKE_CXX_COMPILER_LAUNCHER "${BATON_CCACHE}")
endif()

# For code that sets things up and then waits: in a sanitized build, optimising all those templates of CLI11 and
# nlohmann-json costs more time than it ever saves.
function(baton_leave_unoptimised target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Debug>:-O0>)
endfunction()

# Preset `ci` compiles several sources as one, which halves the build. A source whose private names another one of its
# target has too is compiled alone.
function(baton_compile_alone)
  set_source_files_properties(${ARGN} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
endfunction()

add_library(baton_warnings INTERFACE)
add_library(baton::warnings ALIAS baton_warnings)
target_compile_options(baton_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Wold-style-cast -Wunused
  $<$<BOOL:${BATON_WERROR}>:-Werror>)
