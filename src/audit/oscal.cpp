/// OSCAL 1.1.3 (https://pages.nist.gov/OSCAL): the table of controls, and what evidence shows of them.
#include "audit/oscal_controls.hpp"
#include "crypto/digest.hpp"
#include "wire/json.hpp"

#include <forgepool/audit_report.hpp>

#include <fmt/core.h>

#include <algorithm>

namespace forgepool {
namespace {

using namespace audit;
using json::Array;
using json::Object;

constexpr std::string_view no_claim =
    "This is no claim of certification, attestation or compliance: whether a control is met is for the assessor of a whole "
    "system to say. "
    "Identifiers of other frameworks are for orientation.";
constexpr std::string_view property_namespace = "urn:forgepool:oscal";

/// A name-based identifier: the same document for the same facts. Of the form of version 4 (RFC 9562), which OSCAL wants, with
/// bits of a digest for the random ones.
std::string uuid(std::string_view name) {
  Digest digest = sha256("forgepool oscal " + std::string(name));
  digest.bytes[6] = static_cast<std::uint8_t>((digest.bytes[6] & 0x0f) | 0x40);
  digest.bytes[8] = static_cast<std::uint8_t>((digest.bytes[8] & 0x3f) | 0x80);
  const std::string hex = digest.hex();
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                     hex.substr(20, 12));
}

Object metadata(std::string_view title, Time made_at) {
  return {{"last-modified", to_rfc3339(made_at)},
          {"oscal-version", "1.1.3"},
          {"remarks", no_claim},
          {"title", title},
          {"version", "1"}};
}

Array cross_references(const Control& control) {
  Array properties;
  const auto add = [&](std::string_view framework, std::string_view ids) {
    while (!ids.empty()) {
      const auto space = std::min(ids.find(' '), ids.size());
      properties.push_back(Object{{"name", framework}, {"ns", property_namespace}, {"value", ids.substr(0, space)}});
      ids.remove_prefix(std::min(space + 1, ids.size()));
    }
  };
  add("soc2", control.soc2);
  add("iso27001-2022", control.iso27001);
  add("hipaa", control.hipaa);
  add("pci-dss-4.0.1", control.pci);
  return properties;
}

/// What evidence says about a control: nothing if it says nothing.
struct Finding {
  bool satisfied = false;
  std::string what;
};

class Facts {
 public:
  explicit Facts(const AuditScope& scope) : scope_(scope) {
    for (const auto& job : scope.jobs) {
      receipts_ += job.receipts.size();
      verdicts_ += job.verdicts.size();
      events_ += job.events.size();
      rejected_ += job.report.rejected.size();
      quarantined_ += job.quarantined.size();
      unchecked_ += !job.report.complete();
      bound_ = std::max(bound_, job.report.error_bound);
    }
  }

  std::optional<Finding> of(Shown shown) const {
    switch (shown) {
      case Shown::nowhere: return std::nullopt;
      case Shown::signatures:
        return of_jobs(fmt::format(
            "{} receipts are signed by agents that the CA certified, {} verdicts by the hub; each signature was verified.",
            receipts_, verdicts_));
      case Shown::log:
        return of_jobs(fmt::format(
            "{} entries were proved to be in the log by RFC 6962 inclusion proofs under signed checkpoints.{}",
            receipts_ + verdicts_ + events_,
            scope_.log ? fmt::format(" All {} entries of the log and its tiles were read.", scope_.log->head.size) : ""));
      case Shown::witnesses:
        if (!scope_.log || !scope_.log->witness_quorum) return std::nullopt;
        return Finding{
            true, fmt::format("The checkpoint of {} entries is cosigned by a quorum of witnesses.", scope_.log->head.size)};
      case Shown::software:
        return of_jobs(fmt::format(
            "Of {} jobs the adapter has the digest that the ledger names, and contract and adapter give the plan again.",
            scope_.jobs.size()));
      case Shown::comparison:
        return of_jobs(
            fmt::format(
                "{} verdicts follow from receipts by the contracts' policies; no shard is wrong with a probability of more "
                "than {:.3g} against the contracts' adversaries.{}",
                verdicts_, bound_,
                unchecked_ ? fmt::format(" Of {} jobs it was not checked that the result follows from them.", unchecked_) : ""),
            unchecked_ == 0);
      case Shown::quarantine:
        if (rejected_ == 0) return std::nullopt;
        return Finding{
            quarantined_ >= rejected_,
            fmt::format("Answers of {} agents lost; {} quarantines for it are in the ledger.", rejected_, quarantined_)};
      case Shown::residency: return residency();
    }
    return std::nullopt;
  }

 private:
  std::optional<Finding> of_jobs(std::string what, bool satisfied = true) const {
    if (scope_.jobs.empty()) return std::nullopt;
    return Finding{satisfied, std::move(what)};
  }

  /// Only of jobs that ask for regions: of others there is nothing to show.
  std::optional<Finding> residency() const {
    std::size_t jobs = 0, inside = 0, elsewhere = 0;
    for (const auto& job : scope_.jobs) {
      const auto& allowed = job.residency.regions;
      if (allowed.empty()) continue;
      ++jobs;
      for (const auto& receipt : job.receipts)
        ++(std::ranges::find(allowed, receipt.admitted.region) != allowed.end() ? inside : elsewhere);
    }
    if (jobs == 0) return std::nullopt;
    return Finding{
        elsewhere == 0,
        fmt::format("Of {} jobs that name regions, {} leases went to agents attested to be in one, {} to others or to "
                    "agents of which the ledger does not say it.",
                    jobs, inside, elsewhere)};
  }

  const AuditScope& scope_;
  std::size_t receipts_ = 0, verdicts_ = 0, events_ = 0, rejected_ = 0, quarantined_ = 0, unchecked_ = 0;
  double bound_ = 0;
};

std::string name_of(const AuditScope& scope) {
  std::string name = scope.title + to_rfc3339(scope.made_at);
  for (const auto& job : scope.jobs) name += job.report.job.str() + job.head.root.hex();
  return name;
}

Array evidence_links(const AuditScope& scope) {
  Array evidence;
  for (const auto& job : scope.jobs)
    evidence.push_back(
        Object{{"description", fmt::format("Bundle of job {}, contract {}, result {}, in a log of {} entries with the root {}",
                                           job.report.job.str(), job.report.contract.str(), job.report.result.str(),
                                           job.head.size, job.head.root.str())}});
  return evidence;
}

}  // namespace

std::string write_oscal_component_definition(Time made_at) {
  Array requirements;
  for (const Control& control : controls())
    requirements.push_back(Object{{"control-id", control.id},
                                  {"description", control.what},
                                  {"props", cross_references(control)},
                                  {"remarks", control.title},
                                  {"uuid", uuid("requirement " + std::string(control.id))}});
  const Object implementation{
      {"description", "What the software does by itself. Deployment, people and premises are not in it."},
      {"implemented-requirements", std::move(requirements)},
      {"source", "https://doi.org/10.6028/NIST.SP.800-53r5"},
      {"uuid", uuid("implementation")}};
  const Object component{
      {"control-implementations", Array{implementation}},
      {"description",
       "Runs work on machines that nobody trusts, and proves afterwards what was computed, by whom, on which input."},
      {"purpose", "Verifiable distributed execution"},
      {"remarks", no_claim},
      {"title", "libforgepool"},
      {"type", "software"},
      {"uuid", uuid("component")}};
  return json::canonicalize(
             Object{{"component-definition", Object{{"components", Array{component}},
                                                    {"metadata", metadata("libforgepool: implemented controls", made_at)},
                                                    {"uuid", uuid("component definition " + to_rfc3339(made_at))}}}}) +
         "\n";
}

std::string write_oscal_assessment_results(const AuditScope& scope) {
  const std::string name = name_of(scope);
  const Facts evidence(scope);
  Array selected, observations, findings;
  for (const Control& control : controls()) {
    if (control.shown == Shown::nowhere) continue;
    const std::string id(control.id);
    selected.push_back(Object{{"control-id", id}});
    const auto found = evidence.of(control.shown);
    if (!found) continue;
    Object observation{{"collected", to_rfc3339(scope.made_at)},
                       {"description", found->what},
                       {"methods", Array{"TEST"}},
                       {"title", control.title},
                       {"uuid", uuid("observation " + id + name)}};
    if (!scope.jobs.empty()) observation.set("relevant-evidence", evidence_links(scope));
    observations.push_back(std::move(observation));
    findings.push_back(
        Object{{"description", found->what},
               {"related-observations", Array{Object{{"observation-uuid", uuid("observation " + id + name)}}}},
               {"target", Object{{"status", Object{{"reason", found->satisfied ? "pass" : "fail"},
                                                   {"state", found->satisfied ? "satisfied" : "not-satisfied"}}},
                                 {"target-id", id + "_smt"},
                                 {"type", "statement-id"},
                                 {"remarks", "As far as the software's part of the control goes, and in the jobs named."}}},
               {"title", control.title},
               {"uuid", uuid("finding " + id + name)}});
  }
  Time begin = scope.made_at, end = scope.made_at;
  for (const auto& job : scope.jobs) {
    begin = std::min(begin, job.began());
    end = std::max(end, job.ended());
  }
  const Object selection{
      {"description", "Controls of which the evidence of jobs can show something; findings are about those of which it does."},
      {"include-controls", std::move(selected)}};
  Object result{{"description", fmt::format("{} jobs whose bundles verified against the trusted root of {}.", scope.jobs.size(),
                                            scope.trust_domain)},
                {"end", to_rfc3339(end)},
                {"remarks", no_claim},
                {"reviewed-controls", Object{{"control-selections", Array{selection}}}},
                {"start", to_rfc3339(begin)},
                {"title", scope.title},
                {"uuid", uuid("result " + name)}};
  if (!observations.empty()) {
    result.set("findings", std::move(findings));
    result.set("observations", std::move(observations));
  }
  const std::string procedure = uuid("procedure");
  const Object resource{
      {"description",
       "forgepool audit: every signature, proof, plan and verdict of each job's bundle is checked against a trusted root, "
       "as src/audit/FORMAT.md of libforgepool says."},
      {"title", "Procedure"},
      {"uuid", procedure}};
  return json::canonicalize(
             Object{{"assessment-results", Object{{"back-matter", Object{{"resources", Array{resource}}}},
                                                  {"import-ap", Object{{"href", "#" + procedure}}},
                                                  {"metadata", metadata("Assessment results: " + scope.title, scope.made_at)},
                                                  {"results", Array{std::move(result)}},
                                                  {"uuid", uuid("assessment results " + name)}}}}) +
         "\n";
}

}  // namespace forgepool
