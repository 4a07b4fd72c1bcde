# C++ from the protocol's schema, with value types ("object API"), in the build tree; and the schema itself as bytes, for the bounds in it.
set(protocol_folder "${CMAKE_CURRENT_BINARY_DIR}/generated")
add_custom_command(
  OUTPUT "${protocol_folder}/protocol_generated.h" "${protocol_folder}/protocol_schema.inc"
  COMMAND "${FORGEPOOL_FLATC}" --cpp --gen-object-api --gen-name-strings --scoped-enums
          -o "${protocol_folder}" "${CMAKE_CURRENT_SOURCE_DIR}/protocol.fbs"
  COMMAND "${FORGEPOOL_FLATC}" --binary --schema -o "${protocol_folder}" "${CMAKE_CURRENT_SOURCE_DIR}/protocol.fbs"
  COMMAND "${CMAKE_COMMAND}" "-DFROM=${protocol_folder}/protocol.bfbs" "-DTO=${protocol_folder}/protocol_schema.inc"
          -P "${CMAKE_CURRENT_SOURCE_DIR}/bytes_as_source.cmake"
  DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/protocol.fbs" "${CMAKE_CURRENT_SOURCE_DIR}/bytes_as_source.cmake"
  COMMENT "Generating the protocol's messages")
add_custom_target(forgepool_protocol DEPENDS "${protocol_folder}/protocol_generated.h" "${protocol_folder}/protocol_schema.inc")
add_dependencies(forgepool_wire forgepool_protocol)
target_include_directories(forgepool_wire SYSTEM PUBLIC "${protocol_folder}")
target_link_libraries(forgepool_wire PUBLIC forgepool_flatbuffers)
