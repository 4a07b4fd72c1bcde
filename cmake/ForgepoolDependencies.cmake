# Third-party libraries. Debian's packages where they serve; BoringSSL (or AWS-LC) and ngtcp2 from source, static, with every symbol hidden
# (see cmake/setup-debian.sh, which puts their pinned sources where this file looks for them).

find_package(Threads REQUIRED)
find_package(tl-expected REQUIRED)
find_package(fmt REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(zydis 4 REQUIRED)
find_path(FORGEPOOL_ASIO_INCLUDE_DIR asio.hpp REQUIRED)
find_path(FORGEPOOL_FLATBUFFERS_INCLUDE_DIR flatbuffers/flatbuffers.h REQUIRED)
find_program(FORGEPOOL_FLATC flatc REQUIRED)
find_path(FORGEPOOL_PKCS11_INCLUDE_DIR p11-kit/pkcs11.h PATH_SUFFIXES p11-kit-1 REQUIRED)
find_path(FORGEPOOL_SECCOMP_INCLUDE_DIR seccomp.h REQUIRED)
find_library(FORGEPOOL_SECCOMP_LIBRARY seccomp REQUIRED)
find_path(FORGEPOOL_NGHTTP3_INCLUDE_DIR nghttp3/nghttp3.h REQUIRED)
# Debian's libnghttp3.a is not position independent: only the shared one can go into a shared libforgepool.
find_library(FORGEPOOL_NGHTTP3_LIBRARY NAMES libnghttp3.so nghttp3 REQUIRED)

add_library(forgepool_asio INTERFACE)
target_include_directories(forgepool_asio SYSTEM INTERFACE "${FORGEPOOL_ASIO_INCLUDE_DIR}")
target_compile_definitions(forgepool_asio INTERFACE ASIO_STANDALONE ASIO_NO_DEPRECATED)
target_link_libraries(forgepool_asio INTERFACE Threads::Threads)

add_library(forgepool_flatbuffers INTERFACE)
target_include_directories(forgepool_flatbuffers SYSTEM INTERFACE "${FORGEPOOL_FLATBUFFERS_INCLUDE_DIR}")

# The header alone: tokens' libraries are loaded when they are named.
add_library(forgepool_pkcs11 INTERFACE)
target_include_directories(forgepool_pkcs11 SYSTEM INTERFACE "${FORGEPOOL_PKCS11_INCLUDE_DIR}")
target_link_libraries(forgepool_pkcs11 INTERFACE ${CMAKE_DL_LIBS})

add_library(forgepool_seccomp INTERFACE)
target_include_directories(forgepool_seccomp SYSTEM INTERFACE "${FORGEPOOL_SECCOMP_INCLUDE_DIR}")
target_link_libraries(forgepool_seccomp INTERFACE "${FORGEPOOL_SECCOMP_LIBRARY}")

add_library(forgepool_nghttp3 INTERFACE)
target_include_directories(forgepool_nghttp3 SYSTEM INTERFACE "${FORGEPOOL_NGHTTP3_INCLUDE_DIR}")
target_link_libraries(forgepool_nghttp3 INTERFACE "${FORGEPOOL_NGHTTP3_LIBRARY}")

# --- sources ---------------------------------------------------------------------------------------------------------

if(DEFINED ENV{FORGEPOOL_DEPS_DIR})
  set(FORGEPOOL_DEPENDENCIES_DIR "$ENV{FORGEPOOL_DEPS_DIR}")
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(FORGEPOOL_DEPENDENCIES_DIR "$ENV{XDG_CACHE_HOME}/forgepool/deps")
else()
  set(FORGEPOOL_DEPENDENCIES_DIR "$ENV{HOME}/.cache/forgepool/deps")
endif()
set(FORGEPOOL_CRYPTO boringssl CACHE STRING "The cryptographic library: boringssl or aws-lc")
set_property(CACHE FORGEPOOL_CRYPTO PROPERTY STRINGS boringssl aws-lc)
set(FORGEPOOL_BORINGSSL_SOURCE_DIR "${FORGEPOOL_DEPENDENCIES_DIR}/boringssl" CACHE PATH "BoringSSL's source (with android-sources.cmake)")
set(FORGEPOOL_AWS_LC_SOURCE_DIR "${FORGEPOOL_DEPENDENCIES_DIR}/aws-lc/aws-lc" CACHE PATH "AWS-LC's source")
set(FORGEPOOL_NGTCP2_SOURCE_DIR "${FORGEPOOL_DEPENDENCIES_DIR}/ngtcp2" CACHE PATH "ngtcp2's source, 1.24 or later")

if(FORGEPOOL_CRYPTO STREQUAL "boringssl")
  set(crypto_dependency BORINGSSL)
elseif(FORGEPOOL_CRYPTO STREQUAL "aws-lc")
  set(crypto_dependency AWS_LC)
else()
  message(FATAL_ERROR "FORGEPOOL_CRYPTO is \"${FORGEPOOL_CRYPTO}\"; expected boringssl or aws-lc.")
endif()
foreach(dependency ${crypto_dependency} NGTCP2)
  if(NOT EXISTS "${FORGEPOOL_${dependency}_SOURCE_DIR}")
    if(dependency STREQUAL "AWS_LC")
      set(flag " --with-aws-lc")
    endif()
    message(FATAL_ERROR "No source of ${dependency} in ${FORGEPOOL_${dependency}_SOURCE_DIR}. Run cmake/setup-debian.sh${flag}, or pass "
                        "-DFORGEPOOL_${dependency}_SOURCE_DIR=<folder>.")
  endif()
endforeach()

# Both give the targets forgepool_bssl_crypto and forgepool_bssl_ssl, and the archives whose symbols the shared library hides.
if(FORGEPOOL_CRYPTO STREQUAL "boringssl")
  include(ForgepoolBoringssl)
else()
  include(ForgepoolAwsLc)
endif()

# ngtcp2 over that library.
set(ENABLE_LIB_ONLY ON CACHE BOOL "" FORCE)
set(ENABLE_SHARED_LIB OFF CACHE BOOL "" FORCE)
set(ENABLE_STATIC_LIB ON CACHE BOOL "" FORCE)
set(ENABLE_OPENSSL OFF CACHE BOOL "" FORCE)
set(ENABLE_BORINGSSL ON CACHE BOOL "" FORCE)
set(BUILD_TESTING OFF CACHE BOOL "" FORCE)
set(BORINGSSL_INCLUDE_DIR "${forgepool_bssl_include}")
set(BORINGSSL_LIBRARIES "")
# 1.11 finds this out with a link test that runs before our BoringSSL exists.
set(HAVE_SSL_SET_QUIC_EARLY_DATA_CONTEXT 1 CACHE INTERNAL "")
set(CMAKE_MESSAGE_LOG_LEVEL_BEFORE "${CMAKE_MESSAGE_LOG_LEVEL}")
set(CMAKE_MESSAGE_LOG_LEVEL WARNING)
add_subdirectory("${FORGEPOOL_NGTCP2_SOURCE_DIR}" "${CMAKE_BINARY_DIR}/ngtcp2" EXCLUDE_FROM_ALL)
set(CMAKE_MESSAGE_LOG_LEVEL "${CMAKE_MESSAGE_LOG_LEVEL_BEFORE}")
foreach(target ngtcp2_static ngtcp2_crypto_boringssl_static)
  target_compile_options(${target} PRIVATE -w -O2)
  target_compile_definitions(${target} INTERFACE NGTCP2_STATICLIB)
endforeach()
