#pragma once
/// The table of callbacks through which nghttp3 talks to an Http3.
#include <nghttp3/nghttp3.h>

namespace forgepool::transport {

const nghttp3_callbacks& http3_callbacks();

}  // namespace forgepool::transport
