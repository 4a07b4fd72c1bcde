#pragma once
/// Trusted roots that follow on each other when a hub changes its keys.
#include "audit/anchors.hpp"

namespace forgepool::audit {

/// What changed between the trusted root of an auditor and the one that a bundle shows, for people: "the hub's key and the
/// CA". Empty if nothing did, or if the bundle's does not go on from the auditor's.
std::string changed_keys(std::string_view older, std::string_view bundled);

/// That the root in a bundle is one of this trust domain, in canonical form, signed by a key of its log.
Status check_bundled_root(std::string_view text, const Anchors& anchors);

}  // namespace forgepool::audit
