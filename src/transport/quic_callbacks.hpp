#pragma once
/// The table of callbacks through which ngtcp2 talks to a QuicConnection.
#include "transport/quic_libraries.hpp"

namespace forgepool::transport {

const ngtcp2_callbacks& quic_callbacks();

}  // namespace forgepool::transport
