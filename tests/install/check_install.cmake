# cmake -DBUILD=… -DWORK=… -DCONSUMER=… … -P check_install.cmake
#
# Installs the build tree, moves the installed tree, and builds and runs a separate project against it with nothing but
# find_package(forgepool).

cmake_minimum_required(VERSION 3.24)

function(run)
  cmake_parse_arguments(PARSE_ARGV 0 step "" "WHAT;OUTPUT" "COMMAND")
  execute_process(COMMAND ${step_COMMAND} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(NOT result EQUAL 0)
    message(FATAL_ERROR "${step_WHAT} failed (${result}):\n${output}")
  endif()
  message(STATUS "${step_WHAT}: done")
  if(step_OUTPUT)
    set(${step_OUTPUT} "${output}" PARENT_SCOPE)
  endif()
endfunction()

file(REMOVE_RECURSE "${WORK}")
run(WHAT "installing" COMMAND "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${WORK}/as-installed")
set(prefix "${WORK}/moved elsewhere")
file(RENAME "${WORK}/as-installed" "${prefix}")

file(GLOB_RECURSE texts "${prefix}/*.cmake" "${prefix}/*.hpp" "${prefix}/*.h" "${prefix}/*.pc")
if(NOT texts)
  message(FATAL_ERROR "nothing was installed below ${prefix}")
endif()
foreach(file IN LISTS texts)
  file(READ "${file}" text)
  foreach(path "${BUILD}" "${SOURCE}" "${WORK}/as-installed")
    string(FIND "${text}" "${path}" place)
    if(NOT place EQUAL -1)
      message(FATAL_ERROR "${file} names ${path}: the installed tree must not point back to where it came from")
    endif()
  endforeach()
endforeach()

run(WHAT "configuring the consumer" COMMAND "${CMAKE_COMMAND}" -S "${CONSUMER}" -B "${WORK}/consumer" -G "${GENERATOR}"
  "-DCMAKE_MAKE_PROGRAM=${MAKE_PROGRAM}" "-DCMAKE_C_COMPILER=${CC}" "-DCMAKE_CXX_COMPILER=${CXX}" "-DCMAKE_C_FLAGS=${FLAGS}" "-DCMAKE_CXX_FLAGS=${FLAGS}"
  "-DCMAKE_PREFIX_PATH=${prefix}" "-DEXPECTED_VERSION=${VERSION}" -DCMAKE_FIND_USE_PACKAGE_REGISTRY=OFF)
run(WHAT "building the consumer" COMMAND "${CMAKE_COMMAND}" --build "${WORK}/consumer")
run(WHAT "running the consumer" COMMAND "${WORK}/consumer/consumer" OUTPUT output)
message(STATUS "${output}")
if(NOT output MATCHES "consumer: all as expected")
  message(FATAL_ERROR "the consumer ended well but did not say so")
endif()
run(WHAT "running the consumer in C" COMMAND "${WORK}/consumer/consumer_c" OUTPUT output)
message(STATUS "${output}")
if(NOT output MATCHES "forgepool ${VERSION}")
  message(FATAL_ERROR "expected version ${VERSION} from the C interface")
endif()
foreach(program forgepool forgepool-hub forgepool-agent)
  if(EXISTS "${prefix}/bin/${program}")
    run(WHAT "${program} --help of the installed tree" COMMAND "${prefix}/bin/${program}" --help)
  endif()
endforeach()
