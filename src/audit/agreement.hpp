#pragma once
/// Whether answers agree, repeated from the outputs in the bundle.
#include "audit/computation.hpp"
#include "audit/trail.hpp"

namespace forgepool::audit {

/// Borrows the bundle and the computation.
class Agreement {
 public:
  /// Checks that outputs are there exactly if the adapter compares more than digests, and have the digests that they go by.
  static Result<Agreement> open(const wire::Bundle& bundle, const Computation& computation);

  /// Equal, or said by the adapter to agree. Without the outputs nothing is known to agree.
  bool same(const Digest& a, const Digest& b) const;
  /// Whether it can be told at all.
  bool knows(const Digest& a, const Digest& b) const { return a == b || exact_ || (output(a) && output(b)); }
  std::size_t outputs() const { return bundle_->compared ? bundle_->compared->size() : 0; }
  bool exact() const { return exact_; }

 private:
  Agreement(const wire::Bundle& bundle, const Computation& computation, bool exact)
      : bundle_(&bundle), computation_(&computation), exact_(exact) {}
  const Bytes* output(const Digest& digest) const;

  const wire::Bundle* bundle_;
  const Computation* computation_;
  bool exact_;
};

}  // namespace forgepool::audit
