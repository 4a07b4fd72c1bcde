#pragma once
/// Deployment profiles: who runs a hub for whom, and what follows for data classes, agents, places and retention. What makes a
/// result trustworthy and an agent harmless is the same under each of them; what grows from one to the next is who has
/// control of the machines.
///
///  managed        a provider runs the hub for its customers; agents are anybody's
///  hybrid         an organization's hub; agents of its own (enterprise) and others' (public): classified data keep to its own
///  private        an organization's hub and agents, and nobody else's
///  region-bound   the same, and everything in named regions
///  air-gapped     the same as private, on machines that no route leads to or from
#include <forgepool/retention.hpp>
#include <forgepool/scheduler.hpp>

#include <string>
#include <vector>

namespace forgepool {

struct ContractPolicy;

/// What data of one class ask of those who have them.
struct DataClassRule {
  bool private_hub = false;        ///< Only on a hub that is its organization's own.
  std::vector<std::string> tiers;  ///< Of agents that may be cleared for it; empty: any.
  friend bool operator==(const DataClassRule&, const DataClassRule&) = default;
};

struct DeploymentPolicy {
  std::string profile;             ///< One of the above; empty: none, and nothing below is asked.
  bool private_hub = false;        ///< The hub is its organization's own: it has no others, and lends no agents.
  std::vector<std::string> tiers;  ///< Of agents; empty: any.
  bool region_bound = false;       ///< The hub says its region; agents are in it, and contracts name it.
  bool unrouted_address = false;   ///< The hub listens on an address that is not routed beyond its site.
  std::map<std::string, DataClassRule, std::less<>> data_classes;
  DataClassRule other_classes;  ///< For data of classes that are not listed; unclassified data are free.
};

/// The names above, in their order.
FORGEPOOL_API const std::vector<std::string>& deployment_profiles();
/// The preset of that name; invalid_input for another one.
FORGEPOOL_API Result<DeploymentPolicy> deployment_profile(std::string_view name);

/// Whether a hub may be run like this: invalid_input, saying which option is to be changed. `address` is an IP literal.
FORGEPOOL_API Status check_deployment(const DeploymentPolicy& policy, const std::string& address, const std::string& region,
                                      std::size_t organizations);
/// Whether a contract's data may be on such a hub; invalid_input with the contract's JSON pointer.
FORGEPOOL_API Status check_contract(const DeploymentPolicy& policy, const std::string& region, const ContractPolicy& contract);
/// Whether an agent may be let in as what it is to be attested; invalid_input with the reason. `lent`: it also works for
/// others.
FORGEPOOL_API Status check_agent(const DeploymentPolicy& policy, const std::string& region, const SchedulerAgent& agent,
                                 bool lent);

/// One requirement of a compliance profile, and whether a hub meets it.
struct PostureFinding {
  std::string control;  ///< A stable name: "private_hub".
  bool met = false;
  std::string text;  ///< What was found; if it is not met, what to do.
};
/// "baseline", "hipaa", "pci".
FORGEPOOL_API const std::vector<std::string>& compliance_profiles();
/// Holds what a hub says of itself (`Client::posture`) against a compliance profile. It is about configuration: no
/// certification, and nothing about people and rooms. invalid_input for another profile, or for what is no such description.
FORGEPOOL_API Result<std::vector<PostureFinding>> assess_posture(std::string_view posture, std::string_view profile);

}  // namespace forgepool
