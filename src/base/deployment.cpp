#include <forgepool/deployment.hpp>

#include <forgepool/contract.hpp>

#include <fmt/core.h>
#include <fmt/ranges.h>

#include <algorithm>

#include <arpa/inet.h>

namespace forgepool {
namespace {

bool contains(const std::vector<std::string>& list, std::string_view one) {
  return std::ranges::find(list, one) != list.end();
}

/// Classes whose names mean something to everybody; a class of one's own has the rule of `other_classes`.
std::map<std::string, DataClassRule, std::less<>> known_classes() {
  return {{"hipaa", {true, {"private", "enterprise"}}}, {"pci", {false, {"private", "enterprise"}}}};
}

/// Loopback, and what RFC 1918, RFC 4193 and the link-local ranges keep at a site.
bool is_unrouted(const std::string& address) {
  in_addr four{};
  in6_addr six{};
  if (::inet_pton(AF_INET, address.c_str(), &four) == 1) {
    const std::uint32_t bits = ntohl(four.s_addr);
    const auto within = [&](std::uint32_t prefix, int length) { return bits >> (32 - length) == prefix >> (32 - length); };
    return within(0x7f000000, 8) || within(0x0a000000, 8) || within(0xac100000, 12) || within(0xc0a80000, 16) ||
           within(0xa9fe0000, 16);
  }
  if (::inet_pton(AF_INET6, address.c_str(), &six) != 1) return false;
  return IN6_IS_ADDR_LOOPBACK(&six) || IN6_IS_ADDR_LINKLOCAL(&six) || (six.s6_addr[0] & 0xfe) == 0xfc;
}

const DataClassRule& rule_of(const DeploymentPolicy& policy, const std::string& data_class) {
  const auto found = policy.data_classes.find(data_class);
  return found == policy.data_classes.end() ? policy.other_classes : found->second;
}

}  // namespace

const std::vector<std::string>& deployment_profiles() {
  static const std::vector<std::string> names{"managed", "hybrid", "private", "region-bound", "air-gapped"};
  return names;
}

Result<DeploymentPolicy> deployment_profile(std::string_view name) {
  if (!contains(deployment_profiles(), name))
    return fail(ErrorKind::invalid_input, fmt::format("there is no deployment profile \"{}\"; there are {}", name,
                                                      fmt::join(deployment_profiles(), ", ")));
  DeploymentPolicy policy;
  policy.profile = name;
  policy.data_classes = known_classes();
  policy.other_classes = {false, {"private", "enterprise"}};
  if (name == "managed" || name == "hybrid") return policy;
  policy.private_hub = true;
  policy.tiers = {"private", "enterprise"};
  policy.region_bound = name == "region-bound";
  if (name == "air-gapped") {
    policy.unrouted_address = true;
    policy.tiers = {"private"};
  }
  return policy;
}

Status check_deployment(const DeploymentPolicy& policy, const std::string& address, const std::string& region,
                        std::size_t organizations) {
  const auto refused = [&](std::string_view what) {
    return fail(ErrorKind::invalid_input, fmt::format("the deployment profile {} {}", policy.profile, what));
  };
  if (policy.region_bound && region.empty()) return refused("needs the hub's region: say where it is (--region)");
  if (policy.unrouted_address && !is_unrouted(address))
    return refused(fmt::format(
        "keeps the hub off networks that are routed: {} is no loopback, private or link-local address (--address)", address));
  if (policy.private_hub && organizations > 1)
    return refused(
        fmt::format("is for one organization, and this hub has {}: give the others a hub of their own, or run it as managed",
                    organizations));
  return {};
}

Status check_contract(const DeploymentPolicy& policy, const std::string& region, const ContractPolicy& contract) {
  // Inputs, outputs and results are kept by the hub, wherever they are computed.
  if (!region.empty() && !contract.regions.empty() && !contains(contract.regions, region))
    return fail(
        ErrorKind::invalid_input,
        fmt::format(
            "/policy/regions: this hub, which keeps the job's data, is in {}, and the contract allows only {}; submit it "
            "to a hub there",
            region, fmt::join(contract.regions, ", ")));
  if (policy.profile.empty()) return {};
  if (policy.region_bound && (contract.regions.size() != 1 || contract.regions.front() != region))
    return fail(ErrorKind::invalid_input,
                fmt::format("/policy/regions: this hub is bound to its region: expected [\"{}\"] and nothing else", region));
  if (!policy.tiers.empty() && contract.target != "any" && !contains(policy.tiers, contract.target))
    return fail(ErrorKind::invalid_input,
                fmt::format("/policy/target: this hub is deployed as {} and has only agents of the tiers {}", policy.profile,
                            fmt::join(policy.tiers, ", ")));
  if (contract.data_class.empty()) return {};
  const DataClassRule& rule = rule_of(policy, contract.data_class);
  if (rule.private_hub && !policy.private_hub)
    return fail(
        ErrorKind::invalid_input,
        fmt::format("/policy/data_class: data of the class {} may only be on a hub that is its organization's own; this one is "
                    "deployed as {}",
                    contract.data_class, policy.profile));
  if (!rule.tiers.empty() && contract.target != "any" && !contains(rule.tiers, contract.target))
    return fail(ErrorKind::invalid_input,
                fmt::format("/policy/target: data of the class {} may only go to agents of the tiers {}", contract.data_class,
                            fmt::join(rule.tiers, ", ")));
  return {};
}

Status check_agent(const DeploymentPolicy& policy, const std::string& region, const SchedulerAgent& agent, bool lent) {
  if (policy.profile.empty()) return {};
  const auto refused = [&](const std::string& what) {
    return fail(ErrorKind::invalid_input, fmt::format("{} (this hub is deployed as {})", what, policy.profile));
  };
  if (!policy.tiers.empty() && !contains(policy.tiers, agent.tier))
    return refused(fmt::format("tier: expected {}, got \"{}\"", fmt::join(policy.tiers, " or "), agent.tier));
  if (policy.private_hub && lent) return refused("visibility: expected private: agents work for this organization alone");
  if (policy.region_bound && agent.region != region)
    return refused(fmt::format("region: expected {}, got \"{}\"", region, agent.region));
  for (const auto& name : agent.data_classes)
    if (const auto& tiers = rule_of(policy, name).tiers; !tiers.empty() && !contains(tiers, agent.tier))
      return refused(fmt::format("data_classes: agents of the tier {} are not cleared for {}; only {} are", agent.tier, name,
                                 fmt::join(tiers, " and ")));
  return {};
}

}  // namespace forgepool
