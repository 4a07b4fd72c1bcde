/// forgepool/deployment.hpp: what a hub says of itself, held against compliance profiles.
#include <forgepool/deployment.hpp>

#include "wire/json_reader.hpp"

#include <algorithm>
#include <set>

namespace forgepool {
namespace {

constexpr std::size_t max_posture_bytes = 16u << 20;
constexpr std::size_t max_listed = 100'000;
/// 45 CFR 164.316(b)(2)(i): six years.
constexpr std::uint64_t six_years_ms = 6ull * 366 * 24 * 3'600'000;

struct Posture {
  std::string deployment, key_store, region;
  bool private_hub = false, witnesses = false, audit_log = false;
  Retention standard;
  struct Clearance {
    std::string data_class;
    std::set<std::string> tiers;  ///< Of the agents that are cleared for it.
  };
  std::vector<Clearance> clearances;
  std::vector<std::string> adapters_for;  ///< Data classes that some adapter is cleared for.
};

Result<Posture> read_posture(std::string_view text) {
  const auto value = json::parse(text, max_posture_bytes);
  if (!value) return fail(value.error());
  json::ObjectReader reader(*value, "");
  Posture posture;
  posture.adapters_for = reader.strings("adapter_data_classes", max_listed, 128);
  posture.audit_log = reader.boolean("audit_log");
  if (const auto* list = reader.array("clearances", 0, max_listed))
    for (std::size_t i = 0; i < list->size(); ++i) {
      json::ObjectReader one((*list)[i], json::pointer_to(reader.pointer("clearances"), i));
      auto tiers = one.strings("tiers", 3, 16);
      posture.clearances.push_back({one.string("data_class", 128), {tiers.begin(), tiers.end()}});
      if (const auto done = one.finish(); !done) reader.refuse(done.error());
    }
  posture.deployment = reader.string("deployment", 64);
  posture.key_store = reader.string("key_store", 4096);
  posture.private_hub = reader.boolean("private_hub");
  posture.region = reader.string("region", 128);
  if (const auto* value_of = reader.object("retention")) {
    json::ObjectReader one(*value_of, reader.pointer("retention"));
    const auto time = [&](std::string_view name) {
      return static_cast<std::uint64_t>(one.integer(name, 0, json::max_safe_integer));
    };
    posture.standard = {time("inputs_ms"), time("results_ms"), time("evidence_ms")};
    if (const auto done = one.finish(); !done) reader.refuse(done.error());
  }
  posture.witnesses = reader.boolean("witnesses");
  if (const auto done = reader.finish(); !done) return fail(done.error());
  return posture;
}

class Assessment {
 public:
  explicit Assessment(const Posture& posture) : posture_(posture) {}

  void baseline() {
    check("deployment_profile", !posture_.deployment.empty(), "the hub is deployed as " + posture_.deployment,
          "the hub runs without a deployment profile: start it with --profile");
    check("keys_encrypted", !posture_.key_store.starts_with("files in "), "the hub's keys are in " + posture_.key_store,
          "the hub's keys are in plain files: make it with --passphrase-file or --pkcs11-module");
    check("witnesses", posture_.witnesses, "checkpoints need a quorum of witnesses",
          "nobody has to cosign the log: start the hub with --witness-policy");
    check("audit_log", posture_.audit_log, "every authentication and authorization decision is in the audit log",
          "decisions are not kept in an audit log: start the hub with one");
    check("inputs_deleted", posture_.standard.inputs_ms == 0, "inputs are deleted when their jobs end",
          "inputs are kept after their jobs by default: set their retention to 0");
  }
  void hipaa() {
    baseline();
    check("private_hub", posture_.private_hub, "the hub is its organization's own",
          "data of the class hipaa may only be on a hub that is its organization's own: deploy it as private, region-bound or "
          "air-gapped");
    cleared("hipaa");
    check("evidence_six_years", posture_.standard.evidence_ms >= six_years_ms, "evidence is kept six years or longer",
          "evidence is kept less than six years: raise its retention");
  }
  void pci() {
    baseline();
    cleared("pci");
  }
  std::vector<PostureFinding> findings;

 private:
  void check(std::string control, bool met, std::string found, std::string missing) {
    findings.push_back({std::move(control), met, met ? std::move(found) : std::move(missing)});
  }
  void cleared(const std::string& data_class) {
    check("adapter_cleared", std::ranges::find(posture_.adapters_for, data_class) != posture_.adapters_for.end(),
          "there is an adapter that is cleared for " + data_class,
          "no adapter of this hub is cleared for data of the class " + data_class + ": contracts for it are refused");
    const auto clearance = std::ranges::find(posture_.clearances, data_class, &Posture::Clearance::data_class);
    const bool some = clearance != posture_.clearances.end() && !clearance->tiers.empty();
    check("agents_cleared", some, "there are agents that are cleared for " + data_class,
          "no agent is cleared for data of the class " + data_class + ": invite one with --data-class " + data_class);
    check("agents_own", !some || !clearance->tiers.contains("public"), "none of them is a public one",
          "a public agent is cleared for data of the class " + data_class + ": revoke it");
  }

  const Posture& posture_;
};

}  // namespace

const std::vector<std::string>& compliance_profiles() {
  static const std::vector<std::string> names{"baseline", "hipaa", "pci"};
  return names;
}

Result<std::vector<PostureFinding>> assess_posture(std::string_view text, std::string_view profile) {
  const auto posture = read_posture(text);
  if (!posture) return fail(posture.error());
  Assessment assessment(*posture);
  if (profile == "baseline")
    assessment.baseline();
  else if (profile == "hipaa")
    assessment.hipaa();
  else if (profile == "pci")
    assessment.pci();
  else
    return fail(ErrorKind::invalid_input,
                "there is no compliance profile \"" + std::string(profile) + "\"; there are baseline, hipaa and pci");
  return std::move(assessment.findings);
}

}  // namespace forgepool
