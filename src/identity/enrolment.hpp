#pragma once
/// What a hub hands to whoever enrols or renews, and what is made of it: a certificate, and whom to trust from now on.
#include "wire/messages.hpp"

#include <forgepool/credentials.hpp>

namespace forgepool::identity {

/// What is sent: a chain (leaf, CA), and what a node has to know of the hub.
wire::fb::EnrolledT write_enrolment(const std::vector<Bytes>& chain, const HubIdentity& hub, Time now);

/// Checks what was sent: a certificate for our key, by the CA that comes with it, and a hub that goes on
/// with one of the keys that it is `known` by. `corrupt` if it does not hold.
Result<Credentials> accept_enrolment(const wire::fb::EnrolledT& enrolled, std::shared_ptr<Signer> key,
                                     const std::vector<Digest>& known);

}  // namespace forgepool::identity
