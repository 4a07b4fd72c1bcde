#pragma once
/// A verifier unlike the default one: whatever the policy says, a shard is accepted when more than half of the answers that
/// count, and at least two, agree. It shows that the suite asks for the contract and not for one way to keep it.
#include <forgepool/verifier.hpp>

#include <memory>

namespace forgepool::testing {

std::unique_ptr<Verifier> make_plain_verifier();

}  // namespace forgepool::testing
