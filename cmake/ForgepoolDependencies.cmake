# Third-party libraries. Debian's packages where they serve; BoringSSL and ngtcp2 from source, static, with every symbol hidden
# (see cmake/setup-debian.sh, which puts their pinned sources where this file looks for them).

find_package(Threads REQUIRED)
find_package(tl-expected REQUIRED)
find_package(fmt REQUIRED)
find_package(SQLite3 REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_path(FORGEPOOL_ASIO_INCLUDE_DIR asio.hpp REQUIRED)
find_path(FORGEPOOL_FLATBUFFERS_INCLUDE_DIR flatbuffers/flatbuffers.h REQUIRED)
find_program(FORGEPOOL_FLATC flatc REQUIRED)
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

add_library(forgepool_seccomp INTERFACE)
target_include_directories(forgepool_seccomp SYSTEM INTERFACE "${FORGEPOOL_SECCOMP_INCLUDE_DIR}")
target_link_libraries(forgepool_seccomp INTERFACE "${FORGEPOOL_SECCOMP_LIBRARY}")

add_library(forgepool_nghttp3 INTERFACE)
target_include_directories(forgepool_nghttp3 SYSTEM INTERFACE "${FORGEPOOL_NGHTTP3_INCLUDE_DIR}")
target_link_libraries(forgepool_nghttp3 INTERFACE "${FORGEPOOL_NGHTTP3_LIBRARY}")

# --- sources ---------------------------------------------------------------------------------------------------------

if(DEFINED ENV{FORGEPOOL_DEPS_DIR})
  set(forgepool_deps_default "$ENV{FORGEPOOL_DEPS_DIR}")
elseif(DEFINED ENV{XDG_CACHE_HOME})
  set(forgepool_deps_default "$ENV{XDG_CACHE_HOME}/forgepool/deps")
else()
  set(forgepool_deps_default "$ENV{HOME}/.cache/forgepool/deps")
endif()
set(FORGEPOOL_BORINGSSL_SOURCE_DIR "${forgepool_deps_default}/boringssl" CACHE PATH "BoringSSL's source (with android-sources.cmake)")
set(FORGEPOOL_NGTCP2_SOURCE_DIR "${forgepool_deps_default}/ngtcp2" CACHE PATH "ngtcp2's source, 1.24 or later")

foreach(dependency BORINGSSL NGTCP2)
  if(NOT EXISTS "${FORGEPOOL_${dependency}_SOURCE_DIR}")
    message(FATAL_ERROR "No source of ${dependency} in ${FORGEPOOL_${dependency}_SOURCE_DIR}. Run cmake/setup-debian.sh, or pass "
                        "-DFORGEPOOL_${dependency}_SOURCE_DIR=<folder>.")
  endif()
endforeach()

# BoringSSL, with assembly, from the file lists in its tarball: neither Go nor Perl is needed.
set(BORINGSSL_ROOT "${FORGEPOOL_BORINGSSL_SOURCE_DIR}/")
include("${BORINGSSL_ROOT}android-sources.cmake")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|amd64|AMD64")
  set(boringssl_assembly ${crypto_sources_linux_x86_64})
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
  set(boringssl_assembly ${crypto_sources_linux_aarch64})
endif()
add_library(forgepool_bssl_crypto STATIC ${crypto_sources} ${boringssl_assembly})
add_library(forgepool_bssl_ssl STATIC ${ssl_sources})
foreach(target forgepool_bssl_crypto forgepool_bssl_ssl)
  # BEFORE: OpenSSL's headers of the same names may be installed.
  target_include_directories(${target} BEFORE PUBLIC "${BORINGSSL_ROOT}src/include")
  target_compile_definitions(${target} PRIVATE BORINGSSL_IMPLEMENTATION)
  target_compile_options(${target} PRIVATE -w -O2 -fno-strict-aliasing
    $<$<COMPILE_LANGUAGE:C>:-std=gnu11> $<$<COMPILE_LANGUAGE:CXX>:-std=gnu++17 -fno-exceptions -fno-rtti>
    $<$<COMPILE_LANGUAGE:ASM>:-Wa,--noexecstack>)
  set_target_properties(${target} PROPERTIES CXX_STANDARD 17 CXX_EXTENSIONS ON)
endforeach()
if(NOT boringssl_assembly)
  target_compile_definitions(forgepool_bssl_crypto PUBLIC OPENSSL_NO_ASM)
endif()
target_link_libraries(forgepool_bssl_crypto PUBLIC Threads::Threads)
target_link_libraries(forgepool_bssl_ssl PUBLIC forgepool_bssl_crypto)

# ngtcp2 over that BoringSSL.
set(ENABLE_LIB_ONLY ON CACHE BOOL "" FORCE)
set(ENABLE_SHARED_LIB OFF CACHE BOOL "" FORCE)
set(ENABLE_STATIC_LIB ON CACHE BOOL "" FORCE)
set(ENABLE_OPENSSL OFF CACHE BOOL "" FORCE)
set(ENABLE_BORINGSSL ON CACHE BOOL "" FORCE)
set(BUILD_TESTING OFF CACHE BOOL "" FORCE)
set(BORINGSSL_INCLUDE_DIR "${BORINGSSL_ROOT}src/include")
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
