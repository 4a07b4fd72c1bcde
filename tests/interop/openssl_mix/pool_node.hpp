#pragma once
/// What libforgepool does in this process. Public headers of libforgepool only; throws std::runtime_error.
#include <string>

namespace mix {

/// Keys, signatures, certificates; the text says what was done.
std::string make_and_check_signatures();

/// A hub's and an agent's transport, a QUIC handshake with mutual TLS 1.3 between them, one request; the text is the answer.
std::string ask_over_quic();

}  // namespace mix
