# cmake -DINCLUDE=folder -DOBJECTS=file;… -P check_headers.cmake
#
# There is an object file for every public header, every header says #pragma once, and no header includes anything but the
# standard library, tl::expected and our own headers (asio.hpp: and Asio).

cmake_minimum_required(VERSION 3.24)

set(errors "")
file(GLOB_RECURSE headers RELATIVE "${INCLUDE}" "${INCLUDE}/*.hpp" "${INCLUDE}/*.h")
list(LENGTH headers expected)

set(found 0)
foreach(object IN LISTS OBJECTS)
  if(EXISTS "${object}")
    math(EXPR found "${found} + 1")
  else()
    list(APPEND errors "${object} was not built")
  endif()
endforeach()
if(NOT found EQUAL expected)
  list(APPEND errors "${expected} public headers, but ${found} were compiled alone: configure and build again")
endif()

foreach(header IN LISTS headers)
  file(STRINGS "${INCLUDE}/${header}" lines REGEX "^[ \t]*#")
  if(NOT "#pragma once" IN_LIST lines)
    list(APPEND errors "${header}: no #pragma once")
  endif()
  foreach(line IN LISTS lines)
    if(NOT line MATCHES "^[ \t]*#[ \t]*include[ \t]*[<\"]([^>\"]+)[>\"]")
      continue()
    endif()
    set(included "${CMAKE_MATCH_1}")
    if(included MATCHES "^forgepool/")
      if(NOT EXISTS "${INCLUDE}/${included}")
        list(APPEND errors "${header}: <${included}> is no public header")
      endif()
    elseif(included MATCHES "^[a-z_0-9]+$" OR included STREQUAL "tl/expected.hpp")
      # The standard library, or the type behind Result.
    elseif(header STREQUAL "forgepool/asio.hpp" AND included MATCHES "^asio/[a-z_/]+[.]hpp$")
      # What this header is for.
    else()
      list(APPEND errors "${header}: <${included}> is neither ours nor the standard library's; it belongs into src/")
    endif()
  endforeach()
endforeach()

if(errors)
  list(JOIN errors "\n  " text)
  message(FATAL_ERROR "public headers:\n  ${text}")
endif()
message(STATUS "${expected} public headers compile alone")
