# cmake -DLIBRARY=libforgepool.so -DNM=nm -DCXXFILT=c++filt -DSANITIZE=… -P check_exports.cmake
#
# libforgepool lives in one process with any other copy of what it is built from: it must neither offer nor expect names of
# theirs, and of the standard library's templates it offers no instance of its own.

cmake_minimum_required(VERSION 3.24)

if(SANITIZE)
  # The sanitizer's runtime needs to see more; src/CMakeLists.txt drops the version script then.
  message(STATUS "skipped: a library built with sanitizers exports more on purpose")
  return()
endif()

# symbols(VARIABLE nm-option) the demangled names in the dynamic symbol table
function(symbols variable option)
  execute_process(COMMAND "${NM}" -D ${option} "${LIBRARY}" COMMAND "${CXXFILT}" OUTPUT_VARIABLE text RESULTS_VARIABLE results)
  if(NOT results STREQUAL "0;0")
    message(FATAL_ERROR "nm -D ${option} ${LIBRARY} | c++filt failed: ${results}")
  endif()
  string(REPLACE "[abi:cxx11]" "" text "${text}")
  # Semicolons and brackets, in the names of lambdas and arrays, would cut a CMake list apart.
  string(REGEX REPLACE "[][;]" "_" text "${text}")
  string(REGEX REPLACE "\n" ";" lines "${text}")
  set(names "")
  foreach(line IN LISTS lines)
    # Not the weak undefined ones (w, v), which need nobody: BoringSSL takes an allocator of the host's if there is one.
    if(line MATCHES "^[0-9a-f ]+ [A-Zu] (.+)$")
      list(APPEND names "${CMAKE_MATCH_1}")
    endif()
  endforeach()
  set(${variable} "${names}" PARENT_SCOPE)
endfunction()

set(errors "")
symbols(defined --defined-only)
foreach(name IN LISTS defined)
  if(name MATCHES "^forgepool_[a-z_]+$")
    # The C ABI.
  elseif(name MATCHES "^((typeinfo|typeinfo name|vtable|VTT) for )?forgepool::(testing::)?[A-Za-z0-9_]+(::|\\(|$)")
    # One level deep are the public types and functions. Deeper namespaces are the layers' own.
    if(name MATCHES "forgepool::(base|crypto|wire|identity|scheduler|verifier|ledger|transport|sandbox|adapter|hub|agent|client|audit|defaults|detail)::")
      list(APPEND errors "internal: ${name}")
    endif()
  else()
    list(APPEND errors "foreign: ${name}")
  endif()
endforeach()

foreach(wanted "forgepool::make_event_loop" "forgepool::open_hub" "forgepool::open_default_hub" "forgepool::parse_contract"
               "forgepool::verify_bundle" "forgepool::make_quic_transport" "forgepool_version" "forgepool_verify_bundle")
  set(matches "${defined}")
  list(FILTER matches INCLUDE REGEX "^${wanted}(\\(|$)")
  if(NOT matches)
    list(APPEND errors "not exported: ${wanted}")
  endif()
endforeach()

symbols(undefined --undefined-only)
foreach(name IN LISTS undefined)
  if(name MATCHES "^(SSL|EVP|X509|BIO|CRYPTO|OPENSSL|EC|BN|RAND|SHA256|ERR)_" OR name MATCHES "^ngtcp2_" OR name MATCHES "^bssl::")
    list(APPEND errors "expected from elsewhere, so that any library of that name would do: ${name}")
  elseif(name MATCHES "^forgepool")
    list(APPEND errors "used but defined nowhere: ${name}")
  endif()
endforeach()

list(LENGTH defined count)
if(errors)
  list(JOIN errors "\n  " text)
  message(FATAL_ERROR "${LIBRARY}:\n  ${text}")
endif()
message(STATUS "${count} exported names, all of forgepool")
