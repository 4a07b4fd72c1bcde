#pragma once
/// Whether answers agree, repeated from the outputs in the bundle.
#include "audit/computation.hpp"
#include "audit/trail.hpp"

#include <unordered_set>

namespace forgepool::audit {

/// Borrows the bundle and the computation.
class Agreement {
 public:
  /// Checks that outputs are there exactly if the adapter compares more than digests, and have the digests that they go by.
  /// `failures` say how executions ended: they agree with their equals alone.
  static Result<Agreement> open(const wire::Bundle& bundle, const Computation& computation,
                                const std::unordered_set<Digest>& failures);

  /// Equal, or said by the adapter to agree. Without the outputs nothing is known to agree.
  bool same(const Digest& a, const Digest& b) const;
  /// Whether it can be told at all.
  bool knows(const Digest& a, const Digest& b) const { return a == b || exact_ || (is_there(a) && is_there(b)); }
  std::size_t outputs() const { return bundle_->compared ? bundle_->compared->size() : 0; }
  bool exact() const { return exact_; }

 private:
  Agreement(const wire::Bundle& bundle, const Computation& computation, bool exact, std::unordered_set<Digest> alone)
      : bundle_(&bundle), computation_(&computation), exact_(exact), alone_(std::move(alone)) {}
  bool is_there(const Digest& digest) const { return alone_.contains(digest) || output(digest); }
  const Bytes* output(const Digest& digest) const;

  const wire::Bundle* bundle_;
  const Computation* computation_;
  bool exact_;
  std::unordered_set<Digest> alone_;  ///< Failures, and outputs that the adapter cannot read.
};

}  // namespace forgepool::audit
