// Deployment profiles and postures as pure functions: what each takes and refuses, with the reason.
#include <forgepool/contract.hpp>
#include <forgepool/deployment.hpp>

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include <algorithm>

using namespace forgepool;

namespace {

DeploymentPolicy profile(std::string_view name) {
  return deployment_profile(name).value();
}

bool refuses(const Status& status, std::string_view part) {
  return !status && status.error().kind == ErrorKind::invalid_input && status.error().message.find(part) != std::string::npos;
}

SchedulerAgent agent(std::string tier, std::vector<std::string> classes = {}, std::string region = "") {
  SchedulerAgent one;
  one.tier = std::move(tier);
  one.data_classes = std::move(classes);
  one.region = std::move(region);
  return one;
}

ContractPolicy contract(std::string data_class, std::string target = "any", std::vector<std::string> regions = {}) {
  ContractPolicy policy;
  policy.data_class = std::move(data_class);
  policy.target = std::move(target);
  policy.regions = std::move(regions);
  return policy;
}

const std::string good_posture =
    R"({"adapter_data_classes":["hipaa","pci"],"audit_log":true,"clearances":[{"data_class":"hipaa","tiers":["private"]},)"
    R"({"data_class":"pci","tiers":["enterprise","private"]}],"deployment":"private","key_store":"encrypted files in /srv/hub/identity",)"
    R"("private_hub":true,"region":"eu-1","retention":{"evidence_ms":9007199254740991,"inputs_ms":0,"results_ms":2592000000},"witnesses":true})";

std::vector<std::string> unmet(std::string posture, std::string_view profile_name, std::string_view from = "",
                               std::string_view to = "") {
  if (!from.empty()) posture.replace(posture.find(from), from.size(), to);
  std::vector<std::string> controls;
  const auto findings = assess_posture(posture, profile_name).value();
  for (const auto& finding : findings)
    if (!finding.met) controls.push_back(finding.control);
  return controls;
}

}  // namespace

TEST_CASE("without a profile nothing is asked but that the contract allows the hub's region") {
  CHECK(check_contract({}, "", contract("hipaa", "public", {"us-1"})));
  CHECK(check_contract({}, "us-1", contract("hipaa", "public", {"us-1"})));
  CHECK(refuses(check_contract({}, "eu-1", contract("", "any", {"us-1", "us-2"})),
                "/policy/regions: this hub, which keeps the job's data, is in eu-1"));
  CHECK(check_agent({}, "eu-1", agent("public", {"hipaa"}, "us-1"), true));
  CHECK(check_deployment({}, "0.0.0.0", "", 10));
  CHECK(deployment_profile("public").error().kind == ErrorKind::invalid_input);
}

TEST_CASE("data of the class hipaa are only on private hubs, whatever else is asked") {
  for (const auto& name : deployment_profiles()) {
    CAPTURE(name);
    const auto policy = profile(name);
    const auto allowed = check_contract(policy, "eu-1", contract("hipaa", "any", {"eu-1"}));
    CHECK(allowed.has_value() == policy.private_hub);
    if (!allowed) CHECK(refuses(allowed, "/policy/data_class: "));
  }
}

TEST_CASE("classified data go to no public agent under any profile, and unclassified data to all there are") {
  for (const auto& name : deployment_profiles()) {
    CAPTURE(name);
    const auto policy = profile(name);
    for (const auto* data_class : {"confidential", "pci", "hipaa", "a-class-of-ones-own"}) {
      CAPTURE(data_class);
      CHECK_FALSE(check_agent(policy, "eu-1", agent("public", {data_class}, "eu-1"), false));
      CHECK_FALSE(check_contract(policy, "eu-1", contract(data_class, "public", {"eu-1"})));
      CHECK(check_agent(policy, "eu-1", agent("private", {data_class}, "eu-1"), false));
    }
    CHECK(check_contract(policy, "eu-1", contract("", "any", {"eu-1"})));
    CHECK(check_agent(policy, "eu-1", agent("public", {}, "eu-1"), true).has_value() == !policy.private_hub);
  }
}

TEST_CASE("region-bound keeps hub, agents and contracts in the hub's region") {
  const auto policy = profile("region-bound");
  CHECK(refuses(check_deployment(policy, "127.0.0.1", "", 1), "--region"));
  CHECK(check_deployment(policy, "0.0.0.0", "eu-1", 1));
  CHECK(check_contract(policy, "eu-1", contract("", "any", {"eu-1"})));
  CHECK(refuses(check_contract(policy, "eu-1", contract("")), "/policy/regions: this hub is bound"));
  CHECK(refuses(check_contract(policy, "eu-1", contract("", "any", {"eu-1", "us-1"})), "/policy/regions: this hub is bound"));
  CHECK(refuses(check_agent(policy, "eu-1", agent("private"), false), "region: expected eu-1"));
}

TEST_CASE("air-gapped listens only where no route leads") {
  const auto policy = profile("air-gapped");
  for (const auto* address : {"127.0.0.1", "127.9.9.9", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.7.7",
                              "169.254.1.1", "::1", "fe80::1", "fd00::1"})
    CHECK(check_deployment(policy, address, "", 1));
  for (const auto* address :
       {"0.0.0.0", "8.8.8.8", "172.32.0.1", "172.15.255.255", "192.169.0.1", "11.0.0.1", "::", "2001:db8::1", "localhost", ""})
    CHECK(refuses(check_deployment(policy, address, "", 1), "--address"));
}

TEST_CASE("private hubs have one organization") {
  for (const auto& name : deployment_profiles())
    CHECK(check_deployment(profile(name), "127.0.0.1", "eu-1", 2).has_value() == !profile(name).private_hub);
}

TEST_CASE("a posture that meets a compliance profile fails it as soon as one thing is missing") {
  for (const auto& name : compliance_profiles()) CHECK(unmet(good_posture, name).empty());
  using Names = std::vector<std::string>;
  CHECK(unmet(good_posture, "baseline", "encrypted files", "files") == Names{"keys_encrypted"});
  CHECK(unmet(good_posture, "baseline", R"("witnesses":true)", R"("witnesses":false)") == Names{"witnesses"});
  CHECK(unmet(good_posture, "baseline", R"("audit_log":true)", R"("audit_log":false)") == Names{"audit_log"});
  CHECK(unmet(good_posture, "baseline", R"("inputs_ms":0)", R"("inputs_ms":1)") == Names{"inputs_deleted"});
  CHECK(unmet(good_posture, "baseline", R"("deployment":"private")", R"("deployment":"")") == Names{"deployment_profile"});
  CHECK(unmet(good_posture, "hipaa", R"("private_hub":true)", R"("private_hub":false)") == Names{"private_hub"});
  CHECK(unmet(good_posture, "hipaa", R"("evidence_ms":9007199254740991)", R"("evidence_ms":86400000)") ==
        Names{"evidence_six_years"});
  CHECK(unmet(good_posture, "hipaa", R"(["private"])", R"(["private","public"])") == Names{"agents_own"});
  CHECK(unmet(good_posture, "pci", R"(["hipaa","pci"])", R"(["hipaa"])") == Names{"adapter_cleared"});
  CHECK(unmet(good_posture, "pci", R"({"data_class":"pci")", R"({"data_class":"pic")") == Names{"agents_cleared"});
}

TEST_CASE("what is no posture, or no profile, is refused") {
  CHECK(assess_posture(good_posture, "soc2").error().kind == ErrorKind::invalid_input);
  for (const std::string text : {"", "{}", "[]", "null", "{\"deployment\":7}"}) CHECK_FALSE(assess_posture(text, "baseline"));
  for (std::size_t length = 0; length < good_posture.size(); ++length)
    CHECK_FALSE(assess_posture(good_posture.substr(0, length), "baseline"));
}
