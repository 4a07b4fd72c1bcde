# How our own targets are made. The link graph is the architecture: a layer sees only the headers of the layers it depends on.

set(forgepool_warnings -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Woverloaded-virtual -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  list(APPEND forgepool_warnings -Wno-restrict)  # Wrong for "literal" + std::string at -O2 and above (GCC bug 105651).
endif()
set(forgepool_sanitize_flags "")
if(FORGEPOOL_SANITIZE)
  set(forgepool_sanitize_flags "-fsanitize=${FORGEPOOL_SANITIZE}" -fno-omit-frame-pointer -fno-sanitize-recover=all)
  link_libraries(${forgepool_sanitize_flags})
  if(FORGEPOOL_SANITIZE MATCHES "address" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND forgepool_warnings -Wno-maybe-uninitialized)  # Wrong for std::regex there (GCC bug 105562).
  endif()
  # Asio's fences, which g++'s ThreadSanitizer warns that it does not understand.
  if(FORGEPOOL_SANITIZE MATCHES "thread" AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    list(APPEND forgepool_warnings -Wno-tsan)
  endif()
endif()

function(forgepool_own_target target)
  target_compile_options(${target} PRIVATE ${forgepool_warnings} ${forgepool_sanitize_flags})
endfunction()

# forgepool_layer(NAME SOURCES file… [DEPENDS layer…] [LINK target…])
#
# A layer's headers are included as "NAME/file.hpp". They are reached through a folder of their own in the build tree, so that a
# layer that is not in DEPENDS cannot be included. LINK is for third-party libraries and stays private.
function(forgepool_layer name)
  cmake_parse_arguments(PARSE_ARGV 1 layer "" "" "SOURCES;DEPENDS;LINK")
  set(root "${CMAKE_BINARY_DIR}/layers/${name}")
  file(MAKE_DIRECTORY "${root}")
  file(CREATE_LINK "${CMAKE_CURRENT_SOURCE_DIR}" "${root}/${name}" SYMBOLIC)
  set(target "forgepool_${name}")
  add_library(${target} STATIC ${layer_SOURCES})
  add_library("forgepool::${name}" ALIAS ${target})
  target_include_directories(${target} PUBLIC "${root}")
  target_link_libraries(${target} PUBLIC forgepool_include PRIVATE ${layer_LINK})
  foreach(dependency IN LISTS layer_DEPENDS)
    target_link_libraries(${target} PRIVATE "forgepool_${dependency}")
  endforeach()
  forgepool_own_target(${target})
  set_property(GLOBAL APPEND PROPERTY forgepool_layers ${target})
endfunction()

# forgepool_test(NAME LABELS label… SOURCES file… [LAYERS layer…] [LINK target…])   A Catch2 program; one CTest test.
function(forgepool_test name)
  cmake_parse_arguments(PARSE_ARGV 1 test "" "TIMEOUT" "LABELS;SOURCES;LAYERS;LINK")
  add_executable(${name} ${test_SOURCES})
  foreach(layer IN LISTS test_LAYERS)
    target_link_libraries(${name} PRIVATE "forgepool_${layer}")
  endforeach()
  target_link_libraries(${name} PRIVATE forgepool_include Catch2::Catch2WithMain ${test_LINK})
  target_compile_definitions(${name} PRIVATE FORGEPOOL_VECTORS_DIR="${FORGEPOOL_VECTORS_DIR}")
  forgepool_own_target(${name})
  if(NOT test_TIMEOUT)
    set(test_TIMEOUT 300)
  endif()
  add_test(NAME ${name} COMMAND ${name} --colour-mode none)
  set_tests_properties(${name} PROPERTIES LABELS "${test_LABELS}" TIMEOUT ${test_TIMEOUT} SKIP_RETURN_CODE 4)
endfunction()
