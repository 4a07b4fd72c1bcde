#pragma once
/// Which token a request needs (src/hub/README.md, "Tokens"): always the narrowest.
#include <forgepool/digest.hpp>
#include <forgepool/transport.hpp>

#include <optional>

namespace forgepool::client {

struct Permit {
  std::string action;
  std::string job;             ///< Empty: no job in particular.
  std::optional<Digest> blob;  ///< The input that is uploaded.
  bool once = false;           ///< It changes something.
};

/// Nothing if the certificate is enough.
std::optional<Permit> permit_for(const Request& request);

/// The body of POST /v1/tokens.
Bytes token_ask(const Permit& permit);

}  // namespace forgepool::client
