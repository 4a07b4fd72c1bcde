#pragma once
/// The trusted root, opened: the only keys that an audit believes without a proof.
#include "identity/svid.hpp"

#include <forgepool/merkle.hpp>

namespace forgepool::audit {

struct Anchors {
  std::string trust_domain;
  std::vector<identity::Issuer>
      issuers;                      ///< Of the agents' certificates. In all of these: the one in use first, then earlier ones.
  std::vector<PublicKey> hub_keys;  ///< Sign verdicts and bundles.
  std::vector<VerifierKey> log_keys;  ///< Sign checkpoints; their name is the log's origin.
  std::vector<Digest> adapters;       ///< The only packages that jobs may run; empty: any.
};

/// invalid_input if the document is no trusted root, or a key or the certificate in it cannot be what it should be.
Result<Anchors> open_anchors(std::string_view trusted_root);

}  // namespace forgepool::audit
