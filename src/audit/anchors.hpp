#pragma once
/// The trusted root, opened: the only keys that an audit believes without a proof.
#include "crypto/x509.hpp"

#include <forgepool/merkle.hpp>

namespace forgepool::audit {

struct Anchors {
  std::string trust_domain;
  Certificate ca;   ///< Issues the agents' certificates.
  PublicKey hub;    ///< Signs verdicts and bundles.
  VerifierKey log;  ///< Signs checkpoints; its name is the log's origin.
};

/// invalid_input if the document is no trusted root, or a key or the certificate in it cannot be what it should be.
Result<Anchors> open_anchors(std::string_view trusted_root);

}  // namespace forgepool::audit
