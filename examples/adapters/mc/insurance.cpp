#include "mc/profiles.hpp"

#include "common/exact_math.hpp"
#include "common/philox.hpp"
#include "common/poisson.hpp"

#include <limits>

namespace mc {

using namespace adapter_program;

namespace {

struct Lognormal {
  double mu, sigma;

  double operator()(std::uint64_t bits) const { return exact_exp(mu + sigma * normal_quantile(open_uniform(bits))); }
};

}  // namespace

Summary run_insurance(const Params& params) {
  constexpr double unlimited = std::numeric_limits<double>::infinity();
  const Poisson claim_count(params.number("args/claim_freq"));
  const Lognormal claim_size{params.number("args/claim_severity_mu"), params.number("args/claim_severity_sig")};
  const auto catastrophe_below = static_cast<std::uint64_t>(params.number("args/cat_prob") * 0x1p53);
  const Lognormal catastrophe_size{params.number("args/cat_mu"), params.number("args/cat_sig")};
  const double policy_limit = params.optional_number("args/policy_limit").value_or(unlimited);
  const double aggregate_limit = params.optional_number("args/aggregate_limit").value_or(unlimited);
  const auto seed = StreamSeed::from_hex(params.string("seed"));

  Summary losses;
  const std::uint64_t end = params.integer("range/end");
  for (std::uint64_t year = params.integer("range/begin"); year < end; ++year) {
    // Every number has its fixed place in the year's stream: count, catastrophe yes or no, its size, then the claims.
    IterationStream stream(seed, year);
    const std::uint64_t claims = claim_count(stream.next());
    const bool catastrophe = stream.next() >> 11 < catastrophe_below;
    double loss = 0;
    if (catastrophe || claims > 0) {
      const std::uint64_t catastrophe_bits = stream.next();
      for (std::uint64_t i = 0; i < claims; ++i) loss += std::min(claim_size(stream.next()), policy_limit);
      if (catastrophe) loss += catastrophe_size(catastrophe_bits);
    }
    losses.add_rounded(std::min(loss, aggregate_limit) * 100);
  }
  return losses;
}

}  // namespace mc
