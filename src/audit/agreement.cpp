#include "audit/agreement.hpp"

namespace forgepool::audit {

Result<Agreement> Agreement::open(const wire::Bundle& bundle, const Computation& computation,
                                  const std::unordered_set<Digest>& failures) {
  std::unordered_set<Digest> alone = failures;
  const bool exact = computation.adapter->compares_exactly(computation.contract);
  if (exact && bundle.compared) return refute("/compared", "is there, but the adapter compares nothing but digests");
  if (!exact && !bundle.compared) return refute("/compared", "is missing, but the adapter compares more than digests");
  if (bundle.compared)
    for (const auto& [digest, output] : *bundle.compared) {
      const std::string where = "/compared/" + digest.hex();
      if (sha256(output) != digest) return refute(where, "has the digest " + sha256(output).str());
      if (!computation.adapter->check_output(computation.contract, output)) alone.insert(digest);
    }
  return Agreement(bundle, computation, exact, std::move(alone));
}

const Bytes* Agreement::output(const Digest& digest) const {
  if (!bundle_->compared) return nullptr;
  const auto found = bundle_->compared->find(digest);
  return found == bundle_->compared->end() ? nullptr : &found->second;
}

bool Agreement::same(const Digest& a, const Digest& b) const {
  if (a == b) return true;
  if (alone_.contains(a) || alone_.contains(b)) return false;
  const auto *x = output(a), *y = output(b);
  return x && y && computation_->adapter->agree(computation_->contract, *x, *y);
}

}  // namespace forgepool::audit
