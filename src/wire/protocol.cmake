# C++ from the protocol's schema, with value types ("object API"), in the build tree.
set(protocol_header "${CMAKE_CURRENT_BINARY_DIR}/generated/protocol_generated.h")
add_custom_command(
  OUTPUT "${protocol_header}"
  COMMAND "${FORGEPOOL_FLATC}" --cpp --gen-object-api --gen-name-strings --scoped-enums
          -o "${CMAKE_CURRENT_BINARY_DIR}/generated" "${CMAKE_CURRENT_SOURCE_DIR}/protocol.fbs"
  DEPENDS "${CMAKE_CURRENT_SOURCE_DIR}/protocol.fbs"
  COMMENT "Generating the protocol's messages")
add_custom_target(forgepool_protocol DEPENDS "${protocol_header}")
add_dependencies(forgepool_wire forgepool_protocol)
target_include_directories(forgepool_wire SYSTEM PUBLIC "${CMAKE_CURRENT_BINARY_DIR}/generated")
target_link_libraries(forgepool_wire PUBLIC forgepool_flatbuffers)
